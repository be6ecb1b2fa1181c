import { OptionError } from "../errors/optionError.js";
import type { FindPlan } from "../propagation/findPlan.js";
import { type GeneralRun, generalPlan } from "../propagation/generalPlan.js";
import type { KeyStepPlan } from "../propagation/keyStepPlan.js";
import { type PlanFile, planFromFile } from "../propagation/planFile.js";
import type { PlanQuality } from "../propagation/planQuality.js";
import { parseKeySteps } from "../propagation/planStates.js";
import { stepStateWord } from "../propagation/stepState.js";
import type { Sampler, SamplerName } from "../samplers/sampler.js";
import { type Times, timesValues } from "../samplers/schedules/timeGrid.js";
import { ACCELERATORS, checkAccelerated } from "./accelerators.js";
import { type AskedPlan, planWords } from "./planWords.js";

/** The run that a plan is wanted for. */
export interface RunToPlan<Grid extends GeneralRun = Sampler> {
	readonly sampler: SamplerName;
	readonly steps: number;
	readonly guidanceScale: number;
	/** The sampler on its own grid, or on the plan's. */
	readonly createSampler: (times?: Times) => Grid;
	/** The UNet's skip features: `outer:N` needs N of them. Absent: not checked. */
	readonly skipCount?: number;
	/** Absent: there are no tuned plans. */
	readonly model?: { readonly hash: string; readonly label: string };
	readonly findPlan?: FindPlan;
	/**
	 * What a tuned plan may lose. Absent: nothing visible, and where no plan was tuned the run is plain; given, a general plan takes its place.
	 */
	readonly quality?: PlanQuality;
	/** Whether it is a run of the kind that plans are tuned for: else `auto` is plain sampling. */
	readonly tunable?: boolean;
}

/** A plan that fits its run, and the sampler on its grid. */
export interface ResolvedPlan<Grid = Sampler> {
	/** Its label are the words that are read as this plan. */
	readonly plan: KeyStepPlan;
	readonly sampler: Grid;
	/** What `auto` came to, where that was asked for. */
	readonly chosen?: ChosenPlan;
	/** Steps of the plain run that a tuned, general or written plan takes the place of, where it says so. */
	readonly standsFor?: number;
}

/** What `auto` came to. */
export type ChosenPlan =
	| {
			readonly kind: "tuned";
			readonly quality?: PlanQuality;
			/** Steps of the plain run that it takes the place of. */
			readonly standsFor: number;
	  }
	| {
			/** One that was never measured on runs of this kind by these weights. */
			readonly kind: "general";
			readonly quality: PlanQuality;
			readonly standsFor: number;
	  }
	| {
			readonly kind: "plain";
			/** What was asked for in so many words, and is not known for this run. */
			readonly quality?: PlanQuality;
			readonly standsFor?: undefined;
	  };

/**
 * Settles what was asked for, for a run: the one place where plans are looked up, fitted and checked.
 * @throws OptionError when it does not fit the run, the sampler or the network
 */
export function resolvePlan<Grid extends GeneralRun>(
	asked: AskedPlan,
	run: RunToPlan<Grid>,
): ResolvedPlan<Grid> {
	const auto = asked.states === "auto";
	const choice = auto ? choosePlan(asked, run) : undefined;
	const found = choice?.found ?? asked.states;
	const isFile = typeof found === "object" && "steps" in found;
	const times =
		asked.times ?? (typeof found === "object" ? found.times : undefined);
	// a plan may have fewer steps than the run that it stands for
	const steps =
		isFile && found.standsFor === run.steps
			? found.steps
			: (choice?.evaluations ?? run.steps);
	const sampler = samplerOn(times, { ...run, steps });
	const evaluations = sampler.timesteps.length;
	if (isFile && !auto) checkModel(found, run.model);
	const states = isFile
		? planFromFile(
				found,
				{ sampler: run.sampler, steps, evaluations },
				"this plan file",
			)
		: typeof found === "string"
			? parseKeySteps(found, evaluations, ACCELERATORS)
			: found;
	if (states.states.length !== evaluations)
		throw new OptionError(
			"keySteps",
			`${states.label.slice(0, 60)}: this plan is for ${states.states.length} network evaluations, but the run has ${evaluations}`,
		);
	const { accelerator } = asked;
	const plan = {
		...states,
		...(times && { times }),
		...(accelerator && { accelerator }),
	};
	checkDepths(plan, run.skipCount);
	checkAccelerated(plan);
	return {
		plan: { ...plan, label: planWords(plan) },
		sampler,
		chosen: choice?.chosen,
		standsFor: isFile ? found.standsFor : choice?.chosen.standsFor,
	};
}

/**
 * What `auto` stands for: the plan that was tuned for the run; else, where a quality was asked for in so many words, a general one, but not
 * where plans were tuned for these very weights and none has that quality: then it is known that there is none; else every step.
 */
function choosePlan<Grid extends GeneralRun>(
	asked: AskedPlan,
	run: RunToPlan<Grid>,
): {
	readonly found: PlanFile | KeyStepPlan | "all";
	/** Of a general plan, whose steps are no others. */
	readonly evaluations?: number;
	readonly chosen: ChosenPlan;
} {
	const { model, sampler, steps, guidanceScale, findPlan } = run;
	const quality = asked.quality ?? run.quality;
	const plain = {
		found: "all",
		chosen: { kind: "plain", ...(quality && { quality }) },
	} as const;
	if (run.tunable === false || asked.times) return plain;
	const wanted = model && { model: model.hash, sampler, steps, guidanceScale };
	const tuned = wanted && findPlan?.({ ...wanted, quality: quality ?? "high" });
	const standsFor = steps;
	if (tuned)
		return {
			found: tuned,
			chosen: { kind: "tuned", quality: tuned.quality, standsFor },
		};
	if (!quality || asked.accelerator) return plain;
	const others = (wanted && findPlan?.all?.(wanted)) ?? [];
	if (others.some(({ steps, standsFor = steps }) => standsFor === run.steps))
		return plain;
	const general = generalPlan(run.createSampler(), quality);
	return general
		? {
				found: general,
				evaluations: general.states.length,
				chosen: { kind: "general", quality, standsFor },
			}
		: plain;
}

function samplerOn<Grid extends GeneralRun>(
	times: Times | undefined,
	{ steps, createSampler }: RunToPlan<Grid>,
): Grid {
	const refuse = (what: string) => new OptionError("keySteps", what);
	const count = times && timesValues(times).length;
	if (count !== undefined && count !== steps)
		throw refuse(
			`the plan has ${count} times, but this run has ${steps} steps; give it as many steps, or another plan (auto, all)`,
		);
	try {
		return createSampler(times);
	} catch (error) {
		throw error instanceof OptionError && error.option === "times"
			? refuse(`times: ${error.what}`)
			: error;
	}
}

/** @throws OptionError when a plan file was tuned for another model */
function checkModel(
	{ model: tunedFor }: PlanFile,
	model: RunToPlan["model"],
): void {
	if (tunedFor === undefined || !model || tunedFor === model.hash) return;
	throw new OptionError(
		"keySteps",
		`this plan file is for the model ${tunedFor.slice(0, 60)}, not for ${model.label} (${model.hash}); take out its "model" to try it here`,
	);
}

function checkDepths(
	{ states }: KeyStepPlan,
	skipCount = Number.POSITIVE_INFINITY,
): void {
	for (const state of states)
		if (state.run === "outer" && state.layers > skipCount)
			throw new OptionError(
				"keySteps",
				`${stepStateWord(state)}: this model's UNet has ${skipCount} up layers, take at most as many`,
			);
}
