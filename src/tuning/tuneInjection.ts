import { imageSpectrum, meanSpectrum } from "../analysis/imageSpectrum.js";
import {
	type RadialSpectrum,
	spectrumDistance,
} from "../analysis/radialSpectrum.js";
import { decodeLatents } from "../pipeline/decodeLatents.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import type { RunSettings } from "../pipeline/runSettings.js";
import { type KeyStepPlan, plainPlan } from "../propagation/keyStepPlan.js";
import {
	NO_INJECTION,
	type NoiseInjection,
} from "../propagation/noiseInjection.js";
import { calibrationPrompts } from "./calibrationPrompt.js";
import { runToEnd } from "./endToEnd.js";

export interface TuneInjectionOptions {
	readonly pipeline: Pipeline;
	readonly settings: RunSettings;
	readonly prompts: readonly string[];
	readonly plan: KeyStepPlan;
	readonly signal?: AbortSignal;
}

/** One setting, and how far its images' mean spectrum is from the plain run's. */
export interface TriedInjection extends NoiseInjection {
	/** Mean distance of the radial power spectra, in dB. */
	readonly distance: number;
}

const ALPHAS = [0.001, 0.003, 0.006];
const UNTIL = [0.3, 0.5];

/**
 * Finds the noise injection with which a plan's images have the plain run's radial power spectrum (the mean over prompts,
 * distances in dB): a grid of alpha and tau, with none among them.
 */
export async function tuneInjection(
	options: TuneInjectionOptions,
): Promise<{ best: NoiseInjection; tried: readonly TriedInjection[] }> {
	const { pipeline, settings, plan, signal } = options;
	const { networks } = pipeline;
	const { sampler } = settings;
	const prompts = await calibrationPrompts(pipeline, settings, options.prompts);
	const spectrum = async (
		own: KeyStepPlan,
		injection: NoiseInjection,
	): Promise<RadialSpectrum> => {
		const spectra: RadialSpectrum[] = [];
		for (const prompt of prompts) {
			const { latents } = await runToEnd(prompt, {
				unet: networks.unet,
				sampler,
				plan: own,
				injection,
				signal,
			});
			const [image] = await decodeLatents(
				networks,
				{ dims: prompt.initialNoise.dims, data: latents },
				settings,
			);
			spectra.push(imageSpectrum(image));
		}
		return meanSpectrum(spectra);
	};
	const truth = await spectrum(
		plainPlan(sampler.timesteps.length),
		NO_INJECTION,
	);
	const tried: TriedInjection[] = [];
	for (const injection of [
		NO_INJECTION,
		...ALPHAS.flatMap((alpha) => UNTIL.map((until) => ({ alpha, until }))),
	])
		tried.push({
			...injection,
			distance: spectrumDistance(await spectrum(plan, injection), truth),
		});
	const { alpha, until } = tried.reduce((a, b) =>
		b.distance < a.distance ? b : a,
	);
	return { best: { alpha, until }, tried };
}
