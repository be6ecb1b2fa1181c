import type { PlanFile } from "../../propagation/planFile.js";
import { qualityOf } from "../../propagation/planQuality.js";
import { stepStateWord } from "../../propagation/stepState.js";
import { timesValues } from "../../samplers/schedules/timeGrid.js";
import { rounded as roundedTime } from "../search/timedPlan.js";
import { bestFewer, type FrontPoint } from "./frontPoint.js";

/** What a tuned plan was found for. */
export interface TunedFor {
	/** See `modelHash`. */
	readonly model: string;
	/** What ran the model, and computed in: what was measured holds for these. */
	readonly engine: string;
	readonly precision: string;
	readonly sampler: string;
	/** Of the plain run. */
	readonly steps: number;
	readonly guidanceScale: number;
	readonly seed: bigint;
	readonly target: string;
	readonly calibrationPrompts: number;
	readonly heldOutPrompts: number;
}

const rounded = (value: number) => Number(value.toPrecision(4));

/** A tuned plan as a plan file, with how it was made and how it did beside fewer steps. */
export function tunedPlanFile(
	point: FrontPoint,
	tuned: TunedFor,
	points: readonly FrontPoint[],
): PlanFile {
	const { plan } = point;
	const fewer = bestFewer(points, point.calls);
	const figures = ({ error, medianError, worstError, psnr }: FrontPoint) => ({
		error: {
			mean: rounded(error.estimate),
			low: rounded(error.low),
			high: rounded(error.high),
			median: rounded(medianError),
			worstTenth: rounded(worstError),
		},
		psnr: { median: rounded(psnr.median), tenth: rounded(psnr.tenth) },
	});
	return {
		sampler: tuned.sampler,
		steps: plan.states.length,
		standsFor: tuned.steps,
		quality: qualityOf(point.psnr),
		states: plan.states.map(stepStateWord),
		times: plan.times && timesValues(plan.times).map(roundedTime),
		extrapolation: plan.extrapolation,
		// closeness to the plain run is what it was tuned for
		injectNoise: 0,
		model: tuned.model,
		guidanceScale: tuned.guidanceScale,
		madeBy: {
			command: "fdiff tune",
			engine: tuned.engine,
			precision: tuned.precision,
			target: tuned.target,
			calls: point.calls,
			grid: point.series,
			heldOut: figures(point),
			...(fewer && {
				fewerSteps: {
					grid: fewer.series,
					calls: fewer.calls,
					...figures(fewer),
				},
			}),
			calibrationPrompts: tuned.calibrationPrompts,
			heldOutPrompts: tuned.heldOutPrompts,
			seed: String(tuned.seed),
		},
	};
}

/** The file's name among other plans: `dpm-solver++-20-g7.5-high-HASH.json`. */
export function tunedPlanName(quality: string, tuned: TunedFor): string {
	return `${tuned.sampler}-${tuned.steps}-g${tuned.guidanceScale}-${quality}-${tuned.model}.json`;
}
