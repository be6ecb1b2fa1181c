import { adaptiveDenoiser } from "../../accelerators/adaptive.js";
import { crossAttentionGate } from "../../accelerators/crossAttentionGate.js";
import { guidanceCutoff } from "../../accelerators/guidanceCutoff.js";
import { residualReuse } from "../../accelerators/residualReuse.js";
import { tokenMerging } from "../../accelerators/tokenMerging.js";
import type { GenerateOptions } from "../../pipeline/options.js";
import { PAPER_INJECTION } from "../../propagation/noiseInjection.js";
import type { Accelerator, Method } from "./method.js";

/** A method whose number of steps is settled. */
export interface SettledMethod extends Method {
	/** Sampler steps that are run: `steps`, or what `fewer` came to. */
	readonly run: number;
}

/** What is the same for all methods of a run. */
export interface CommonOptions {
	readonly width?: number;
	readonly height?: number;
	readonly negativePrompt?: string;
	readonly guidanceScale?: number;
	readonly rng?: "cpu" | "cuda";
}

/** What the pipeline is asked for to draw `prompt` from `seed` by a method. */
export function methodOptions(
	method: SettledMethod,
	common: CommonOptions,
	prompt: string,
	seed: number,
): GenerateOptions {
	const { accelerator } = method;
	return {
		...common,
		guidanceScale: method.guidanceScale ?? common.guidanceScale,
		prompt,
		seed,
		sampler: method.sampler,
		steps: method.run,
		keySteps: method.keySteps,
		injectNoise:
			method.injectNoise ??
			(accelerator?.kind === "adaptive" ? PAPER_INJECTION.alpha : undefined),
		injectUntil: method.injectUntil,
		maxDecodeBatch: method.maxDecodeBatch,
		denoiser: accelerator && acceleratedDenoiser(accelerator),
	};
}

function acceleratedDenoiser(
	accelerator: Accelerator,
): GenerateOptions["denoiser"] {
	switch (accelerator.kind) {
		case "ucache":
			return residualReuse(accelerator);
		case "cfg-cutoff":
			return guidanceCutoff(accelerator);
		case "tgate":
			return crossAttentionGate(accelerator);
		case "tome":
			return tokenMerging(accelerator);
		case "adaptive":
			return adaptiveDenoiser(accelerator);
	}
}
