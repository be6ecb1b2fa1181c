import type { UnetPart } from "../models/unetPart.js";
import type { Sampler } from "../samplers/sampler.js";
import { concat, type Tensor } from "../tensor/tensor.js";
import { type DenoiserOptions, guide } from "./denoiser.js";

/** Named inputs or outputs of a part of the UNet. */
export type Features = Readonly<Record<string, Tensor>>;

/** The UNet under one prompt's conditioning and guidance: what every denoiser runs. */
export interface GuidedUnet {
	/** Network samples of one evaluation: two an image with guidance (all unconditional ones first), else one. */
	readonly samples: number;
	/**
	 * Runs one part, for several evaluations in one batch where more than one is given.
	 * @param indices evaluations of the run: they say the timesteps
	 * @param input latents `[images, channels, height, width]`; an encoder reads them, for a decoder they say the size
	 * @param features what else the part reads: skip features, `mid`, `deep`, `indices.length` · `samples` rows each
	 */
	run(
		part: UnetPart,
		indices: readonly number[],
		input: Tensor,
		features?: Features,
	): Promise<Record<string, Tensor>>;
	/** The guided prediction `[images, …]` of an output of `samples` rows. */
	guided(prediction: Tensor): Tensor;
}

export interface GuidedUnetOptions
	extends Pick<DenoiserOptions, "unet" | "conditioning" | "signal"> {
	readonly sampler: Pick<Sampler, "timesteps">;
}

/**
 * @throws RangeError when the conditioning is empty, or its two halves are not of the same names
 */
export function guidedUnet({
	unet,
	sampler: { timesteps },
	conditioning: { positive, negative, guidanceScale },
	signal,
}: GuidedUnetOptions): GuidedUnet {
	const conditions = Object.entries(positive).map(([name, tensor]) => {
		if (negative && !negative[name])
			throw new RangeError(`the negative conditioning has no ${name}`);
		return [
			name,
			negative ? concat([negative[name], tensor]) : tensor,
		] as const;
	});
	if (conditions.length === 0) throw new RangeError("no conditioning is given");
	const samples = conditions[0][1].dims[0];
	return {
		samples,
		async run(part, indices, input, features = {}) {
			signal?.throwIfAborted();
			// all samples of one evaluation stand together
			const each = indices.flatMap((index) =>
				new Array<number>(samples).fill(index),
			);
			const batch = each.length;
			return unet.run(
				part,
				{
					...features,
					...(part.encoder === "none"
						? {}
						: { sample: negative ? concat([input, input]) : input }),
					timestep: {
						dims: [batch],
						data: Float32Array.from(each, (index) => timesteps[index]),
					},
					...Object.fromEntries(
						conditions.map(([name, tensor]) => [
							name,
							indices.length === 1 ? tensor : concat(indices.map(() => tensor)),
						]),
					),
				},
				{ indices: each },
			);
		},
		guided: (prediction) =>
			negative ? guide(prediction, guidanceScale) : prediction,
	};
}
