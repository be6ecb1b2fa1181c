import { planWords } from "../../accelerators/planWords.js";
import { bootstrapMean } from "../../metrics/bootstrap.js";
import { psnr } from "../../metrics/psnr.js";
import type { Pipeline } from "../../pipeline/pipeline.js";
import type { Progress } from "../../pipeline/progress.js";
import type { RunSettings } from "../../pipeline/runSettings.js";
import { type KeyStepPlan, plainPlan } from "../../propagation/keyStepPlan.js";
import { stateFlops } from "../../propagation/statePart.js";
import { FULL } from "../../propagation/stepState.js";
import { mersenneTwister } from "../../random/mersenneTwister.js";
import { shuffled } from "../../random/shuffled.js";
import type { Sampler } from "../../samplers/sampler.js";
import { median, quantile } from "../../tensor/quantile.js";
import { relativeError } from "../../tensor/relativeError.js";
import type { CalibrationPrompt } from "../runs/calibrationPrompt.js";
import { runToEnd } from "../runs/endToEnd.js";
import type { TuningState } from "../runs/tuningState.js";
import { logsOf } from "../search/students.js";
import type { FrontPoint } from "./frontPoint.js";

/** A run that takes part in the comparison on held-out prompts. */
export interface Contender {
	readonly series: string;
	readonly plan: KeyStepPlan;
	readonly sampler: Sampler;
}

export interface HeldOutOptions {
	readonly pipeline: Pipeline;
	/** The plain run. */
	readonly settings: RunSettings;
	readonly prompts: readonly CalibrationPrompt[];
	readonly state: TuningState;
	readonly save: (state: TuningState) => Promise<void>;
	readonly onProgress?: (progress: Progress) => void;
	readonly signal?: AbortSignal;
}

/** Two equal pictures would be infinitely alike, which JSON cannot say. */
const MOST_DECIBELS = 99;

/**
 * Every contender on every held-out prompt, held against the plain run, in an order drawn anew for each prompt, so that
 * whatever else the machine does meets all alike. Scores that the state knows are not made again.
 */
export async function heldOutFront(
	contenders: readonly Contender[],
	options: HeldOutOptions,
): Promise<FrontPoint[]> {
	const { pipeline, settings, prompts, state, signal } = options;
	const { scores } = state;
	const keyOf = ({ seed }: CalibrationPrompt, { plan }: Contender) =>
		`${seed}|${planWords(plan)}`;
	const total = prompts.length * contenders.length;
	let done = 0;
	for (const prompt of prompts) {
		const missing = contenders.filter(
			(contender) => !scores[keyOf(prompt, contender)],
		);
		done += contenders.length - missing.length;
		if (missing.length === 0) continue;
		const finish = async (plan: KeyStepPlan, sampler: Sampler) => {
			const run = await runToEnd(prompt, { pipeline, sampler, plan, signal });
			const latents = { dims: prompt.initialNoise.dims, data: run.latents };
			const [image] = await pipeline.decode(latents, settings);
			return { ...run, image };
		};
		const { sampler } = settings;
		const truth = await finish(plainPlan(sampler.timesteps.length), sampler);
		const generator = mersenneTwister(settings.seed + prompt.seed);
		for (const contender of shuffled(missing, generator)) {
			options.onProgress?.({
				stage: "comparing on held-out prompts",
				done: done++,
				total,
			});
			const own = await finish(contender.plan, contender.sampler);
			scores[keyOf(prompt, contender)] = {
				error: relativeError(own.latents, truth.latents),
				psnr: Math.min(MOST_DECIBELS, psnr(own.image, truth.image)),
				seconds: own.seconds,
				flops: own.flops,
			};
		}
		await options.save(state);
	}
	const call = stateFlops(pipeline.unet, FULL, {
		batch: prompts[0].conditioning.negative ? 2 : 1,
		height: prompts[0].initialNoise.dims[2],
		width: prompts[0].initialNoise.dims[3],
		tokens:
			prompts[0].conditioning.positive.encoder_hidden_states?.dims[1] ?? 0,
	});
	return contenders.map((contender): FrontPoint => {
		const own = prompts.map((prompt) => scores[keyOf(prompt, contender)]);
		const { series, plan } = contender;
		const calls = mean(own.map(({ flops }) => flops)) / call;
		return {
			series,
			calls: Math.round(100 * calls) / 100,
			plan,
			...frontFigures(own),
		};
	});
}

/** What scores on some prompts come to. */
export function frontFigures(
	scores: readonly TuningState["scores"][string][],
): Omit<FrontPoint, "series" | "calls" | "plan"> {
	const errors = scores.map(({ error }) => error);
	const sorted = errors.toSorted((a, b) => a - b);
	const near = scores.map((own) => own.psnr).toSorted((a, b) => a - b);
	return {
		error: bootstrapMean(errors),
		medianError: median(errors),
		worstError: mean(sorted.slice(-Math.ceil(sorted.length / 10))),
		logError: mean(logsOf(errors)),
		psnr: { median: quantile(near, 0.5), tenth: quantile(near, 0.1) },
		seconds: median(scores.map(({ seconds }) => seconds)),
	};
}

const mean = (values: readonly number[]) =>
	values.reduce((sum, value) => sum + value, 0) / values.length;
