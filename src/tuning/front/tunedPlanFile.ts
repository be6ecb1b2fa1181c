import type { NoiseInjection } from "../../propagation/noiseInjection.js";
import type { PlanFile } from "../../propagation/planFile.js";
import { stepStateWord } from "../../propagation/stepState.js";
import type { FrontPoint } from "./frontPoint.js";

/** What a tuned plan was found for. */
export interface TunedFor {
	/** See `modelHash`. */
	readonly model: string;
	/** What ran the model, and computed in: what was measured holds for these. */
	readonly engine: string;
	readonly precision: string;
	readonly sampler: string;
	readonly steps: number;
	readonly guidanceScale: number;
	readonly seed: bigint;
	readonly calibrationPrompts: number;
	readonly heldOutPrompts: number;
	readonly costUnit: "seconds" | "flops";
	/** What the search made small: the latents' error, or its geometric mean with LPIPS (by which weights). */
	readonly objective: string;
	/** The one that `--key-steps auto` takes. */
	readonly auto: boolean;
	readonly injection?: NoiseInjection;
}

const rounded = (value: number) => Number(value.toPrecision(4));

/** A tuned plan as a plan file, with how it was made and how it did. */
export function tunedPlanFile(point: FrontPoint, tuned: TunedFor): PlanFile {
	if (!point.plan) throw new RangeError(`${point.label} has no plan`);
	return {
		sampler: tuned.sampler,
		steps: tuned.steps,
		states: point.plan.states.map(stepStateWord),
		extrapolation: point.plan.extrapolation,
		// closeness to the plain run is what it was tuned for
		injectNoise: tuned.injection?.alpha ?? 0,
		...(tuned.injection ? { injectUntil: tuned.injection.until } : {}),
		model: tuned.model,
		guidanceScale: tuned.guidanceScale,
		madeBy: {
			command: "fdiff tune",
			engine: tuned.engine,
			precision: tuned.precision,
			auto: tuned.auto,
			budget: rounded(point.budget ?? point.speedup),
			speedup: rounded(point.speedup),
			costs: tuned.costUnit,
			measuredSpeedup: rounded(point.measuredSpeedup),
			relativeError: {
				heldOut: rounded(point.error.estimate),
				low: rounded(point.error.low),
				high: rounded(point.error.high),
			},
			psnr: rounded(point.psnr),
			...(point.lpips === undefined ? {} : { lpips: rounded(point.lpips) }),
			objective: {
				of: tuned.objective,
				...(point.calibration === undefined
					? {}
					: { calibration: rounded(point.calibration) }),
			},
			calibrationPrompts: tuned.calibrationPrompts,
			heldOutPrompts: tuned.heldOutPrompts,
			seed: String(tuned.seed),
		},
	};
}

/** The file's name among other plans: `dpm-solver++-20-g7.5-1.50x-HASH.json`. */
export function tunedPlanName(point: FrontPoint, tuned: TunedFor): string {
	return `${tuned.sampler}-${tuned.steps}-g${tuned.guidanceScale}-${(point.budget ?? point.speedup).toFixed(2)}x-${tuned.model}.json`;
}
