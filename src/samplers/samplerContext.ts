import type { SamplerConfig } from "./config/samplerConfig.js";
import type { SamplerName } from "./sampler.js";

/** What every sampler is made from. */
export interface SamplerContext {
	readonly name: SamplerName;
	/** Steps asked for; the number of evaluations may be higher (Heun, DPM2, PNDM). */
	readonly steps: number;
	readonly config: SamplerConfig;
	/** DDIM's eta: the share of DDPM's noise that is added at each step (0 = none). */
	readonly eta: number;
}
