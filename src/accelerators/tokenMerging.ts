import * as z from "zod";
import { mergedCount } from "../graph/layers/tokenMerging.js";
import {
	type MergePositions,
	type MergeSize,
	mergePositions,
	mergeTargetCount,
} from "../models/mergePositions.js";
import type { UnetPart } from "../models/unetPart.js";
import type { Denoiser, DenoiserOptions } from "../propagation/denoiser.js";
import { mersenneTwister } from "../random/mersenneTwister.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Accelerator } from "./accelerator.js";
import { encoderPropagation } from "./encoderPropagation.js";

const schema = z.strictObject({
	kind: z.literal("tome"),
	/** Share of the tokens that is merged into others: one pixel of four stays. */
	ratio: z.number().min(0).max(0.75).default(0.5),
	/** Of the choice of target pixels; each evaluation i draws its own from `seed` + i. */
	seed: z.int().min(0).max(4_294_000_000).default(0),
});

export const toMe: Accelerator<z.output<typeof schema>> = {
	kind: "tome",
	usage: "tome[:RATIO[:SEED]]",
	help: "ToMe: this share of the tokens (0.5) is merged in the self-attentions at full resolution; goes with every plan",
	schema,
	fields: ["ratio", "seed"],
	denoiser: tokenMerging,
};

/**
 * ToMe for Stable Diffusion (Bolya and Hoffman 2023, arXiv 2303.17604) with tomesd's defaults: the self-attentions at full resolution
 * run on merged tokens (max_downsample 1, sx = sy = 2, merge_attn alone, use_rand). In every square of 2 x 2 pixels one, chosen at
 * random, may be merged into. That choice is torch.randint(4, …)'s after `torch.Generator().manual_seed(seed + i)` at evaluation i,
 * for all attentions, images and halves of guidance alike: it depends on nothing else, so that an image is the same in any batch and in any order. (tomesd
 * draws from a generator that runs on from attention to attention.) Goes with every key-step plan.
 */
export function tokenMerging({
	ratio,
	seed,
}: Omit<z.output<typeof schema>, "kind">): (
	options: DenoiserOptions,
) => Denoiser {
	return (options) => {
		const { unet } = options;
		const drawn = new Map<number, MergePositions>();

		function positionsAt(index: number, size: MergeSize): MergePositions {
			const known = drawn.get(index);
			if (known) return known;
			const random = mersenneTwister(BigInt(seed + index));
			const positions = mergePositions(size, () => random.next() % 4);
			drawn.set(index, positions);
			return positions;
		}

		/** A part as it is run: plain where no token is merged, since OpenVINO ends the process on empty tensors. */
		const merging = (part: UnetPart, size: MergeSize): UnetPart => {
			const tokens = size.height * size.width;
			const targets = mergeTargetCount(size);
			return targets > 0 && mergedCount(tokens, tokens - targets, ratio) > 0
				? { ...part, mergeTokens: ratio }
				: part;
		};

		return encoderPropagation({
			...options,
			unet: {
				...unet,
				run(part, inputs, at) {
					// every part that merges reads one of these two, which have the latents' size
					const [, , height, width] = (inputs.sample ?? inputs.skip_0).dims;
					const each = at.indices.map((index) =>
						positionsAt(index, { height, width }),
					);
					return unet.run(
						merging(part, { height, width }),
						{
							...inputs,
							merge_sources: positionRows(each.map(({ sources }) => sources)),
							merge_targets: positionRows(each.map(({ targets }) => targets)),
						},
						at,
					);
				},
				flops: (part, dims) => unet.flops(merging(part, dims), dims),
			},
		});
	};
}

function positionRows(rows: readonly (readonly number[])[]): Tensor {
	return {
		dims: [rows.length, rows[0].length],
		data: Float32Array.from(rows.flat()),
	};
}
