import type { UnetPart } from "../models/unetPart.js";
import { concat, type Tensor } from "../tensor/tensor.js";
import { type Conditioning, guide } from "./denoiser.js";
import type { UnetRunner } from "./unetRunner.js";

/** Named inputs or outputs of a part of the UNet. */
export type Features = Readonly<Record<string, Tensor>>;

/** The UNet under one prompt's text and guidance: what every denoiser runs. */
export interface GuidedUnet {
	/** Network samples of one evaluation: two an image with guidance (all unconditional ones first), else one. */
	readonly samples: number;
	/**
	 * Runs one part, at several timesteps in one batch where more than one is given.
	 * @param input latents `[images, channels, height, width]`; an encoder reads them, for a decoder they say the size
	 * @param features what else the part reads: skip features, `mid`, `deep`, `timesteps.length` · `samples` rows each
	 */
	run(
		part: UnetPart,
		timesteps: readonly number[],
		input: Tensor,
		features?: Features,
	): Promise<Record<string, Tensor>>;
	/** The guided prediction `[images, …]` of an output of `samples` rows. */
	guided(prediction: Tensor): Tensor;
}

export interface GuidedUnetOptions {
	readonly unet: UnetRunner;
	readonly conditioning: Conditioning;
	/** Checked before every network call. */
	readonly signal?: AbortSignal;
	/** Called after every network call with the floating-point operations it took. */
	readonly onFlops?: (flops: number) => void;
}

export function guidedUnet({
	unet,
	conditioning: { positive, negative, guidanceScale },
	signal,
	onFlops,
}: GuidedUnetOptions): GuidedUnet {
	const text = negative ? concat([negative, positive]) : positive;
	const samples = text.dims[0];
	return {
		samples,
		async run(part, timesteps, input, features = {}) {
			signal?.throwIfAborted();
			const count = timesteps.length;
			const batch = count * samples;
			const outputs = await unet.run(part, {
				...features,
				...(part.encoder === "none"
					? {}
					: { sample: negative ? concat([input, input]) : input }),
				timestep: {
					dims: [batch],
					data: Float32Array.from(
						{ length: batch },
						(_, row) =>
							// all samples of one timestep stand together
							timesteps[Math.floor(row / samples)],
					),
				},
				encoder_hidden_states:
					count === 1 ? text : concat(new Array<Tensor>(count).fill(text)),
			});
			onFlops?.(
				unet.flops(part, {
					batch,
					height: input.dims[2],
					width: input.dims[3],
					tokens: text.dims[1],
				}),
			);
			return outputs;
		},
		guided: (prediction) =>
			negative ? guide(prediction, guidanceScale) : prediction,
	};
}
