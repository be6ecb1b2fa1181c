import type { RgbImage } from "../image/rgbImage.js";
import { psnr } from "../metrics/psnr.js";
import { decodeLatents } from "../pipeline/decodeLatents.js";
import type { Networks } from "../pipeline/networks.js";
import { plainPlan } from "../propagation/keyStepPlan.js";
import type { Sampler } from "../samplers/sampler.js";
import { relativeError } from "../tensor/relativeError.js";
import type { CalibrationPrompt } from "./calibrationPrompt.js";
import { type FinishedRun, type RunOptions, runToEnd } from "./endToEnd.js";
import type { TuningState } from "./nodeTuningState.js";
import { planKey } from "./planSearch.js";

/** How one run compares with the plain run of the same prompt and noise. */
export interface RunScore {
	/** Relative L2 error of the final latents. */
	readonly error: number;
	/** Peak signal-to-noise ratio of the images in dB, where images were asked for. */
	readonly psnr?: number;
	/** Seconds in the UNet, as it was measured in this one run. */
	readonly seconds: number;
}

/** Runs that are scored against the plain run; none is done twice. */
export interface PlanRuns {
	score(
		prompt: CalibrationPrompt,
		run: ScoredRun,
		images?: boolean,
	): Promise<RunScore>;
	/** Mean error over prompts; infinity as soon as it cannot be below `limit` any more. */
	meanError(
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

export interface PlanRunsOptions {
	readonly networks: Networks;
	readonly sampler: Sampler;
	readonly tiledDecoding: boolean;
	/** Scores that are known already; new ones are added to it. */
	readonly known: TuningState["runs"];
	readonly onRun?: () => Promise<void> | void;
	readonly signal?: AbortSignal;
}

export function planRuns(options: PlanRunsOptions): PlanRuns {
	const { networks, sampler, known, signal } = options;
	const plainRuns = new Map<bigint, Promise<FinishedRun>>();
	const plainImages = new Map<bigint, Promise<RgbImage>>();

	const run = (prompt: CalibrationPrompt, scored: ScoredRun) =>
		runToEnd(prompt, {
			unet: networks.unet,
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
		(await decodeLatents(networks, { dims, data: latents }, options))[0];

	async function score(
		prompt: CalibrationPrompt,
		scored: ScoredRun,
		images = false,
	): Promise<RunScore> {
		const key = `${prompt.seed}|${scored.label ?? ""}|${planKey(scored.plan)}`;
		const done = known[key];
		if (done && (!images || done.psnr !== undefined)) return done;
		const truth = await plain(prompt);
		const finished = await run(prompt, scored);
		const made: RunScore = {
			error: relativeError(finished.latents, truth.latents),
			seconds: finished.seconds,
			...(images
				? {
						// two equal pictures would be infinitely alike, which JSON cannot say
						psnr: Math.min(
							99,
							psnr(
								await image(prompt, finished),
								await once(plainImages, prompt, () => image(prompt, truth)),
							),
						),
					}
				: {}),
		};
		known[key] = made;
		await options.onRun?.();
		return made;
	}

	return {
		score,
		async meanError(prompts, scored, limit = Number.POSITIVE_INFINITY) {
			let sum = 0;
			for (const prompt of prompts) {
				sum += (await score(prompt, scored)).error;
				if (sum >= limit * prompts.length) return Number.POSITIVE_INFINITY;
			}
			return sum / prompts.length;
		},
	};
}
