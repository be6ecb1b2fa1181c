import type { Sampler, SamplerName } from "../samplers/sampler.js";
import {
	exponentialSigmas,
	karrasSigmas,
} from "../samplers/schedules/sigmaSchedule.js";
import { type KeyStepPlan, planFromStates } from "./keyStepPlan.js";
import { nearestSteps } from "./nearestSteps.js";
import type { PlanQuality } from "./planQuality.js";
import { FULL, type StepState } from "./stepState.js";

/** The plain run that a general plan takes the place of: what it needs of a sampler. */
export type GeneralRun = Pick<Sampler, "timesteps"> &
	Partial<Pick<Sampler, "name" | "sigmas" | "predictionType">>;

/**
 * Shares of the plain run's steps that call the network, in runs of at least so many steps: the least with which all weights that were compared
 * kept the quality. Absent: none of those tried did.
 */
interface Shares extends Readonly<Partial<Record<PlanQuality, number>>> {
	readonly steps: number;
}

interface General {
	/**
	 * What does best with as many calls on all weights of the embedded model that were compared (docs/analysis.md): a solver of first order keeps the
	 * plain run's steps, some of them without the network; one that extrapolates itself takes fewer and longer steps.
	 */
	readonly by: "reuse" | "grid";
	/** The longest runs first. */
	readonly shares: readonly Shares[];
}

const GENERAL: Readonly<Partial<Record<SamplerName, General>>> = {
	ddim: {
		by: "reuse",
		shares: [{ steps: 50, high: 0.5, balanced: 0.32, fast: 0.24 }],
	},
	euler: { by: "reuse", shares: [{ steps: 20, balanced: 0.75, fast: 0.6 }] },
	"dpm-solver++": {
		by: "grid",
		shares: [{ steps: 20, balanced: 0.7, fast: 0.55 }],
	},
	"dpm-solver": {
		by: "grid",
		shares: [{ steps: 20, balanced: 0.8, fast: 0.55 }],
	},
	unipc: { by: "grid", shares: [{ steps: 20, balanced: 0.75, fast: 0.6 }] },
};

/**
 * A plan for weights that none was tuned on: with so few calls all weights that were compared kept the quality. What others lose was never measured.
 * @returns undefined where there is none: for samplers, lengths and kinds of predictions that were not compared
 */
export function generalPlan(
	plain: GeneralRun,
	quality: PlanQuality,
): KeyStepPlan | undefined {
	const steps = plain.timesteps.length;
	const shares = plain.name && GENERAL[plain.name]?.shares;
	const share = shares?.find((own) => own.steps <= steps)?.[quality];
	return share === undefined
		? undefined
		: planOfCalls(plain, Math.ceil(share * steps - 1e-9));
}

/** The general plan of so many network calls. */
export function planOfCalls(
	{ name, timesteps, sigmas, predictionType }: GeneralRun,
	calls: number,
): KeyStepPlan | undefined {
	const general = name && GENERAL[name];
	if (!general || !sigmas || predictionType !== "epsilon") return undefined;
	const steps = timesteps.length;
	const [high, low] = [sigmas[0], sigmas[steps - 1]];
	if (calls < 2 || calls >= steps) return undefined;
	if (general.by === "grid")
		return {
			...planFromStates(new Array(calls).fill(FULL), calls, "general"),
			times: { logSnr: evenLogSnr(calls, high, low) },
		};
	const logs = (values: readonly number[]) => values.map(Math.log);
	const called = new Set(
		nearestSteps(
			logs(karrasSigmas(calls, high, low)),
			logs(sigmas.slice(0, steps)),
		),
	);
	return planFromStates(
		timesteps.map((_, n) => (called.has(n) ? FULL : EXTRAPOLATED)),
		steps,
		"general",
		{ order: 0, over: "log-snr" },
	);
}

const EXTRAPOLATED: StepState = { run: "nothing", order: 1 };

/** Even in log-SNR, to four digits, the ends rounded inwards: a grid may not leave the trained noise levels. */
function evenLogSnr(count: number, high: number, low: number): number[] {
	return exponentialSigmas(count, high, low).map((sigma, n) => {
		const rounded =
			n === 0 ? Math.ceil : n === count - 1 ? Math.floor : Math.round;
		return rounded(-2e4 * Math.log(sigma)) / 1e4;
	});
}
