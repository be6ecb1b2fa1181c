import type { RgbImage } from "../../image/rgbImage.js";
import type { Lpips } from "../../metrics/lpips.js";
import { psnr } from "../../metrics/psnr.js";
import type { Pipeline } from "../../pipeline/pipeline.js";
import { plainPlan } from "../../propagation/keyStepPlan.js";
import type { Sampler } from "../../samplers/sampler.js";
import { relativeError } from "../../tensor/relativeError.js";
import { planKey } from "../search/planSearch.js";
import type { CalibrationPrompt } from "./calibrationPrompt.js";
import { type FinishedRun, type RunOptions, runToEnd } from "./endToEnd.js";
import type { TuningState } from "./tuningState.js";

/** How one run compares with the plain run of the same prompt and noise. */
export interface RunScore {
	/** Relative L2 error of the final latents. */
	readonly error: number;
	/** Peak signal-to-noise ratio of the images in dB, where images were asked for. */
	readonly psnr?: number;
	/** LPIPS of the images, where they were asked for and its weights are there. */
	readonly lpips?: number;
	/** Seconds in the UNet, as it was measured in this one run; loading it not counted. */
	readonly seconds: number;
	/** Floating-point operations in the UNet. */
	readonly flops: number;
}

/** Runs that are scored against the plain run; none is done twice, unless it is asked for. */
export interface PlanRuns {
	/** @param what `pictures`: compare the images too; `again`: run it whether its score is known or not, for its time */
	score(
		prompt: CalibrationPrompt,
		run: ScoredRun,
		what?: { readonly pictures?: boolean; readonly again?: boolean },
	): Promise<RunScore>;
	/**
	 * What the search makes small: the mean error of the latents; with LPIPS the geometric mean of that and of the mean LPIPS.
	 * Infinity as soon as it cannot be below `limit` any more.
	 */
	objective(
		prompts: readonly CalibrationPrompt[],
		run: ScoredRun,
		limit?: number,
	): Promise<number>;
}

/** A run: a plan, with another sampler or denoiser where it says so (`label` then tells it apart). */
export type ScoredRun = Pick<RunOptions, "plan" | "denoiser" | "injection"> & {
	readonly sampler?: Sampler;
	readonly label?: string;
};

/** What tells runs apart. */
export function runKey({ label = "", plan }: ScoredRun): string {
	return `${label}|${planKey(plan)}`;
}

export interface PlanRunsOptions {
	readonly pipeline: Pipeline;
	readonly sampler: Sampler;
	readonly tiledDecoding: boolean;
	readonly lpips?: Lpips;
	/** Scores that are known already; new ones are added to it. */
	readonly known: TuningState["runs"];
	readonly onRun?: () => Promise<void> | void;
	readonly signal?: AbortSignal;
}

/** Two equal pictures would be infinitely alike, which JSON cannot say. */
const MOST_DECIBELS = 99;

/** Pictures of 8 bits can be equal though latents differ: a product with 0 would hide what is left of the error. */
const LEAST_LPIPS = 1e-6;

export function planRuns(options: PlanRunsOptions): PlanRuns {
	const { pipeline, sampler, known, lpips, signal } = options;
	const plainRuns = new Map<bigint, Promise<FinishedRun>>();
	const plainImages = new Map<bigint, Promise<RgbImage>>();

	const run = (
		prompt: CalibrationPrompt,
		scored: ScoredRun,
	): Promise<FinishedRun> =>
		runToEnd(prompt, {
			pipeline,
			signal,
			...scored,
			sampler: scored.sampler ?? sampler,
		});
	const once = <Value>(
		made: Map<bigint, Promise<Value>>,
		{ seed }: CalibrationPrompt,
		make: () => Promise<Value>,
	): Promise<Value> => {
		const value = made.get(seed) ?? make();
		made.set(seed, value);
		return value;
	};
	const plain = (prompt: CalibrationPrompt) =>
		once(plainRuns, prompt, () =>
			run(prompt, { plan: plainPlan(sampler.timesteps.length) }),
		);
	const image = async (
		{ initialNoise: { dims } }: CalibrationPrompt,
		{ latents }: FinishedRun,
	): Promise<RgbImage> =>
		(await pipeline.decode({ dims, data: latents }, options))[0];

	async function compared(
		prompt: CalibrationPrompt,
		finished: FinishedRun,
		truth: FinishedRun,
	): Promise<Pick<RunScore, "psnr" | "lpips">> {
		const own = await image(prompt, finished);
		const right = await once(plainImages, prompt, () => image(prompt, truth));
		return {
			psnr: Math.min(MOST_DECIBELS, psnr(own, right)),
			...(lpips
				? {
						lpips: await lpips.distance(
							{ ...own, channels: 3 },
							{ ...right, channels: 3 },
						),
					}
				: {}),
		};
	}

	const score: PlanRuns["score"] = async (
		prompt,
		scored,
		{ pictures = false, again = false } = {},
	) => {
		const key = `${prompt.seed}|${runKey(scored)}`;
		const done = known[key];
		if (done && !again && (!pictures || done.psnr !== undefined)) return done;
		const truth = await plain(prompt);
		const finished = await run(prompt, scored);
		const { seconds, flops } = finished;
		const made: RunScore = {
			error: relativeError(finished.latents, truth.latents),
			seconds,
			flops,
			...(pictures ? await compared(prompt, finished, truth) : {}),
		};
		known[key] = made;
		await options.onRun?.();
		return made;
	};

	return {
		score,
		async objective(prompts, scored, limit = Number.POSITIVE_INFINITY) {
			let error = 0;
			let distance = 0;
			const value = () =>
				(lpips ? Math.sqrt(error * distance) : error) / prompts.length;
			for (const prompt of prompts) {
				const own = await score(prompt, scored, { pictures: !!lpips });
				error += own.error;
				distance += Math.max(LEAST_LPIPS, own.lpips ?? 0);
				// neither sum can shrink with further prompts
				if (value() >= limit) return Number.POSITIVE_INFINITY;
			}
			return value();
		},
	};
}
