import { bootstrapMean } from "../../metrics/bootstrap.js";
import { mersenneTwister } from "../../random/mersenneTwister.js";
import { shuffled } from "../../random/shuffled.js";
import { median } from "../../tensor/quantile.js";
import type { CalibrationPrompt } from "../runs/calibrationPrompt.js";
import { type PlanRuns, type RunScore, runKey } from "../runs/planRuns.js";
import type { TuneOptions } from "../runs/tuneOptions.js";
import type { TuningState } from "../runs/tuningState.js";
import type { Contender } from "../search/contenders.js";
import type { FrontPoint } from "./frontPoint.js";

export interface HeldOutOptions {
	readonly runs: PlanRuns;
	readonly prompts: readonly CalibrationPrompt[];
	readonly options: Pick<
		TuneOptions,
		"state" | "save" | "settings" | "onProgress"
	>;
}

/**
 * Every contender on every held-out prompt. Each prompt is one round, in which all contenders run one after another in an order
 * drawn anew, so that whatever else the machine does meets all alike; a contender's time is compared with the plain run's of the
 * same round. A round that was broken off is run again as a whole.
 * @param contenders the plain run first
 */
export async function heldOutFront(
	contenders: readonly Contender[],
	{ runs, prompts, options }: HeldOutOptions,
): Promise<{ points: FrontPoint[]; plain: FrontPoint }> {
	const { state, settings, save, onProgress } = options;
	const stage = "comparing on held-out prompts";
	const rounds: NonNullable<TuningState["rounds"]> = state.rounds ?? {};
	state.rounds = rounds;
	const scores = new Map<Contender, RunScore[]>(
		contenders.map((contender) => [contender, []]),
	);
	let done = 0;
	const total = prompts.length * contenders.length;
	for (const prompt of prompts) {
		const own = rounds[String(prompt.seed)];
		const whole = own && contenders.every(({ run }) => runKey(run) in own);
		const seconds: Record<string, number> = whole ? { ...own } : {};
		const order = shuffled(
			contenders,
			mersenneTwister(settings.seed + prompt.seed),
		);
		for (const contender of order) {
			onProgress?.({ stage, done: done++, total });
			const key = runKey(contender.run);
			const score = await runs.score(prompt, contender.run, {
				pictures: true,
				// two budgets may have one plan
				again: !(key in seconds),
			});
			scores.get(contender)?.push(score);
			seconds[key] ??= score.seconds;
		}
		rounds[String(prompt.seed)] = seconds;
		await save(state);
	}
	onProgress?.({ stage, done: total, total });

	const [plain] = contenders;
	const times = (contender: Contender): number[] =>
		prompts.map(({ seed }) => rounds[String(seed)][runKey(contender.run)]);
	const plainTimes = times(plain);
	const flops = (contender: Contender) =>
		mean((scores.get(contender) ?? []).map((score) => score.flops));
	const points = contenders.map((contender): FrontPoint => {
		const { run, speedup, ...point } = contender;
		const own = scores.get(contender) ?? [];
		const ownTimes = times(contender);
		const distances = own.flatMap(({ lpips }) => lpips ?? []);
		return {
			...point,
			speedup: speedup ?? flops(plain) / flops(contender),
			seconds: median(ownTimes),
			measuredSpeedup: median(plainTimes.map((s, i) => s / ownTimes[i])),
			error: bootstrapMean(own.map(({ error }) => error)),
			psnr: mean(own.map(({ psnr = 0 }) => psnr)),
			...(distances.length > 0 ? { lpips: mean(distances) } : {}),
		};
	});
	return { plain: points[0], points: points.slice(1) };
}

const mean = (values: readonly number[]) =>
	values.reduce((sum, value) => sum + value, 0) / values.length;
