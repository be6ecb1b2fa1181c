import type { SamplerName } from "./sampler.js";

const USUAL_STEPS: Partial<Record<SamplerName, number>> = {
	ddim: 50,
	ddpm: 50,
	pndm: 50,
	lcm: 4,
	tcd: 4,
};

/** How many steps a run has where nobody says: 20, 50 for samplers of first order, 4 for those of few-step models. */
export function usualSteps(name: SamplerName): number {
	return USUAL_STEPS[name] ?? 20;
}

/**
 * How often a run of this many steps evaluates the network: once a step, but twice for Heun and DPM2 (whose last step has one
 * evaluation), and once more for PNDM (with skip_prk_steps, as Stable Diffusion has it).
 */
export function evaluationCount(name: SamplerName, steps: number): number {
	if (name === "heun" || name === "dpm2") return 2 * steps - 1;
	return name === "pndm" && steps > 1 ? steps + 1 : steps;
}

/** The share of fresh noise that a sampler adds where nobody says: DDIM none, TCD a gamma of 0.3. */
export function usualEta(name: SamplerName): number {
	return name === "tcd" ? 0.3 : 0;
}

/** Whether a sampler is for models distilled to a few steps, which have guidance built in (LCM, TCD). */
export function isFewStepSampler(name: SamplerName): boolean {
	return name === "lcm" || name === "tcd";
}
