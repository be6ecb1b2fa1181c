import { imageSpectrum, meanSpectrum } from "../metrics/imageSpectrum.js";
import {
	type RadialSpectrum,
	spectrumDistance,
} from "../metrics/radialSpectrum.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import type { RunSettings } from "../pipeline/runSettings.js";
import { type KeyStepPlan, plainPlan } from "../propagation/keyStepPlan.js";
import {
	NO_INJECTION,
	type NoiseInjection,
} from "../propagation/noiseInjection.js";
import { relativeError } from "../tensor/relativeError.js";
import { calibrationPrompts } from "./runs/calibrationPrompt.js";
import { runToEnd } from "./runs/endToEnd.js";

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
	/** Relative L2 error of the final latents to the plain run: what the spectrum is paid for with. */
	readonly error: number;
}

const ALPHAS = [0.001, 0.003, 0.006, 0.01, 0.02, 0.04];
const UNTIL = [0.3, 0.5, 0.8];

/** Noise always costs likeness to the plain run: the spectrum must come closer by this share, or it is left out. */
const LEAST_GAIN = 0.1;

/**
 * Finds the noise injection with which a plan's images have the plain run's radial power spectrum (the mean over prompts,
 * distances in dB): for each tau, alpha is raised until the spectra move apart again. No injection is among the choices.
 */
export async function tuneInjection(
	options: TuneInjectionOptions,
): Promise<{ best: NoiseInjection; tried: readonly TriedInjection[] }> {
	const { pipeline, settings, plan, signal } = options;
	const { sampler } = settings;
	const prompts = await calibrationPrompts(pipeline, settings, options.prompts);
	const run = async (
		own: KeyStepPlan,
		injection: NoiseInjection,
	): Promise<{ spectrum: RadialSpectrum; latents: Float32Array[] }> => {
		const spectra: RadialSpectrum[] = [];
		const all: Float32Array[] = [];
		for (const prompt of prompts) {
			const { latents } = await runToEnd(prompt, {
				pipeline,
				sampler,
				plan: own,
				injection,
				signal,
			});
			const [image] = await pipeline.decode(
				{ dims: prompt.initialNoise.dims, data: latents },
				settings,
			);
			spectra.push(imageSpectrum(image));
			all.push(latents);
		}
		return { spectrum: meanSpectrum(spectra), latents: all };
	};
	const truth = await run(plainPlan(sampler.timesteps.length), NO_INJECTION);
	const tried: TriedInjection[] = [];
	const judge = async (injection: NoiseInjection): Promise<number> => {
		const { spectrum, latents } = await run(plan, injection);
		const distance = spectrumDistance(spectrum, truth.spectrum);
		const errors = latents.map((own, n) =>
			relativeError(own, truth.latents[n]),
		);
		const error = errors.reduce((sum, own) => sum + own, 0) / errors.length;
		tried.push({ ...injection, distance, error });
		return distance;
	};
	const none = await judge(NO_INJECTION);
	for (const until of UNTIL) {
		let before = none;
		for (const alpha of ALPHAS) {
			const distance = await judge({ alpha, until });
			if (distance >= before) break;
			before = distance;
		}
	}
	const { alpha, until, distance } = tried.reduce((a, b) =>
		b.distance < a.distance ? b : a,
	);
	const gains = distance < (1 - LEAST_GAIN) * none;
	return { best: gains ? { alpha, until } : NO_INJECTION, tried };
}
