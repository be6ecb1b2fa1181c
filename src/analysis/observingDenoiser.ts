import type { Denoiser, DenoiserOptions } from "../propagation/denoiser.js";
import { guidedUnet } from "../propagation/guidedUnet.js";
import type { Tensor } from "../tensor/tensor.js";
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
): (options: DenoiserOptions) => Denoiser {
	const part = {
		encoder: "full",
		decoder: "full",
		features: true,
		observe: blocks
			.map(({ name }) => name)
			.filter((name) => !name.startsWith("skip_")),
	} as const;
	return (options) => {
		const unet = guidedUnet(options);
		return async function* denoise({ steps, input }) {
			for (const { index } of steps) {
				const { prediction, ...outputs } = await unet.run(part, [index], input);
				observe(index, outputs);
				yield unet.guided(prediction);
			}
		};
	};
}
