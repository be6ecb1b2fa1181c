import { batchNoise } from "../../pipeline/initialNoise.js";
import type { Pipeline } from "../../pipeline/pipeline.js";
import type { RunSettings } from "../../pipeline/runSettings.js";
import type { Conditioning } from "../../propagation/denoiser.js";
import type { Tensor } from "../../tensor/tensor.js";

/** A prompt with all that a run of it begins with. */
export interface CalibrationPrompt {
	readonly prompt: string;
	readonly seed: bigint;
	readonly conditioning: Conditioning;
	/** z_T `[1, channels, height/8, width/8]`. */
	readonly initialNoise: Tensor;
	/** A stream of the seed's further noise from its beginning, for stochastic samplers. */
	readonly noise: () => () => Float32Array;
}

/** Prompts ready to run, prompt n from seed + n. */
export async function calibrationPrompts(
	pipeline: Pipeline,
	settings: RunSettings,
	prompts: readonly string[],
): Promise<CalibrationPrompt[]> {
	const dims = pipeline.latentShape(settings);
	const ready: CalibrationPrompt[] = [];
	for (const [n, prompt] of prompts.entries()) {
		const seed = settings.seed + BigInt(n);
		ready.push({
			prompt,
			seed,
			conditioning: await pipeline.encodePrompts({ ...settings, prompt }),
			initialNoise: batchNoise([seed], dims, settings.rng).initial,
			noise: () => batchNoise([seed], dims, settings.rng).next,
		});
	}
	return ready;
}
