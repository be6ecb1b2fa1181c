import type { GenerateOptions } from "../../pipeline/options.js";

import type { CommonOptions } from "./commonOptions.js";
import type { Method } from "./method.js";

/** A method whose number of steps is settled. */
export interface SettledMethod extends Method {
	/** Sampler steps that are run: `steps`, or what `fewer` came to. */
	readonly run: number;
}

/** What the pipeline is asked for to draw `prompt` from `seed` by a method. */
export function methodOptions(
	method: SettledMethod,
	common: CommonOptions,
	prompt: string,
	seed: number,
): GenerateOptions {
	return {
		...common,
		guidanceScale: method.guidanceScale ?? common.guidanceScale,
		prompt,
		seed,
		sampler: method.sampler,
		steps: method.run,
		keySteps: method.keySteps,
		injectNoise: method.injectNoise,
		injectUntil: method.injectUntil,
		maxDecodeBatch: method.maxDecodeBatch,
	};
}
