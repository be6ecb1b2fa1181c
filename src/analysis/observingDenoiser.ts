import { type Denoiser, guide } from "../propagation/denoiser.js";
import type { PropagationOptions } from "../propagation/propagatedDenoiser.js";
import { concat, type Tensor } from "../tensor/tensor.js";
import type { WatchedBlock } from "./blocks.js";

/** Told of every watched output `[batch, channels, height, width]` of one evaluation; unconditional samples come first. */
export type BlockObserver = (
	index: number,
	outputs: Readonly<Record<string, Tensor>>,
) => void;

/** Plain sampling that shows every watched block's output as it goes by. Nothing is kept. */
export function observingDenoiser(
	blocks: readonly WatchedBlock[],
	observe: BlockObserver,
): (options: PropagationOptions) => Denoiser {
	const part = {
		encoder: "full",
		decoder: "full",
		features: true,
		observe: blocks
			.map(({ name }) => name)
			.filter((name) => !name.startsWith("skip_")),
	} as const;
	return ({ unet, sampler, conditioning, signal, onFlops }) => {
		const { positive, negative, guidanceScale } = conditioning;
		const text = negative ? concat([negative, positive]) : positive;
		return async function* denoise({ steps, input }) {
			for (const { index } of steps) {
				signal?.throwIfAborted();
				const { prediction, ...outputs } = await unet.run(part, {
					sample: negative ? concat([input, input]) : input,
					timestep: {
						dims: [text.dims[0]],
						data: new Float32Array(text.dims[0]).fill(sampler.timesteps[index]),
					},
					encoder_hidden_states: text,
				});
				onFlops?.(
					unet.flops(part, {
						batch: text.dims[0],
						height: input.dims[2],
						width: input.dims[3],
						tokens: text.dims[1],
					}),
				);
				observe(index, outputs);
				yield negative ? guide(prediction, guidanceScale) : prediction;
			}
		};
	};
}
