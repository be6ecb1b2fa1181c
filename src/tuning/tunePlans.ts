import { UserError } from "../errors/userError.js";
import {
	bootstrapMean,
	type ConfidenceInterval,
} from "../metrics/bootstrap.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import type { RunSettings } from "../pipeline/runSettings.js";
import { adaptiveDenoiser } from "../propagation/adaptiveDenoiser.js";
import {
	type FeatureExtrapolation,
	type KeyStepPlan,
	plainPlan,
	planFromStates,
} from "../propagation/keyStepPlan.js";
import {
	DECODER,
	FULL,
	parseStepState,
	type StepState,
	stepStateWord,
} from "../propagation/stepState.js";
import type { Sampler } from "../samplers/sampler.js";
import {
	type CalibrationPrompt,
	calibrationPrompts,
} from "./calibrationPrompt.js";
import { comparisonPlans, extrapolatedPaperPlan } from "./comparisonPlans.js";
import { measureGains } from "./gains.js";
import type { TuningState } from "./nodeTuningState.js";
import { optimalPlans } from "./optimalPlans.js";
import { type PlainTables, plainTables } from "./plainTables.js";
import {
	flopCosts,
	measuredCosts,
	planCost,
	type StateCosts,
} from "./planCost.js";
import { type PlanRuns, planRuns, type ScoredRun } from "./planRuns.js";
import { searchPlans } from "./planSearch.js";
import { samplerSensitivity } from "./samplerSensitivity.js";
import { segmentErrors } from "./segmentErrors.js";
import type { TuningBudget } from "./tuningBudget.js";

/** Families of plans that are tuned: with every state, and with the paper's two (extrapolated features allowed). */
export type PlanFamily = "tuned" | "tuned, two states";

export interface TuneOptions {
	readonly pipeline: Pipeline;
	readonly settings: RunSettings;
	/** The same run with another number of steps: for comparison with fewer steps. */
	readonly settingsFor: (steps: number) => RunSettings;
	readonly calibration: readonly string[];
	readonly heldOut: readonly string[];
	/** Times faster than plain at which plans are tuned. */
	readonly speedups: readonly number[];
	readonly budget?: TuningBudget;
	readonly cost: "measured" | "flops";
	/** Plans judged end to end by local search, for each budget. */
	readonly trials: number;
	/** The most calibration prompts that error tables are made of; 0: only `starts` are searched from. */
	readonly tablePrompts: number;
	/** The most steps that features are kept for, and key steps lie apart. */
	readonly reach: number;
	/** What tuned plans are compared with: everything, or the paper's plan and fewer steps only. */
	readonly comparisons: "all" | "few";
	/** Thresholds of the adaptive mode to compare with. */
	readonly adaptive: readonly number[];
	/** Plans from an earlier search to begin with. */
	readonly starts?: readonly KeyStepPlan[];
	readonly state: TuningState;
	readonly save: (state: TuningState) => Promise<void>;
	readonly onProgress?: (stage: string, done: number, total: number) => void;
	readonly signal?: AbortSignal;
}

/** A point of the comparison: what a plan costs and how far it is from the plain run. */
export interface FrontPoint {
	readonly series: string;
	readonly label: string;
	/** Times cheaper than the plain run, by the costs of the states. */
	readonly speedup: number;
	/** Relative error of the final latents on held-out prompts, with its interval. */
	readonly error: ConfidenceInterval;
	readonly psnr: number;
	/** Seconds in the UNet an image, measured in these runs (mean). */
	readonly seconds: number;
	/** Error on the calibration prompts, of tuned plans. */
	readonly calibrationError?: number;
	readonly plan?: KeyStepPlan;
	/** The budget a tuned plan was found for, in times faster. */
	readonly budget?: number;
}

export interface TuneResult {
	readonly costs: StateCosts;
	/** What the plain run costs, in the unit of `costs`. */
	readonly plainCost: number;
	readonly points: readonly FrontPoint[];
	/** The plan for the budget that was asked for. */
	readonly chosen?: FrontPoint;
}

const EXTRAPOLATIONS: readonly FeatureExtrapolation[] = [
	{ order: 1, over: "log-snr" },
	{ order: 0, over: "timestep" },
	{ order: 1, over: "timestep" },
	{ order: 2, over: "log-snr" },
	{ order: 2, over: "timestep" },
];

/** States tried besides the whole network: DeepCache's cut at the three outermost depths, with fresh and kept skips. */
export function candidateStates(skipCount: number): StepState[] {
	const depths = [1, 2, 3].filter((depth) => depth < skipCount);
	return [
		DECODER,
		...([1, 2, 0] as const).map(
			(order): StepState => ({ run: "nothing", order }),
		),
		...depths.map(
			(layers): StepState => ({ run: "outer", layers, encoder: "fresh" }),
		),
		{ run: "outer", layers: Math.min(2, skipCount), encoder: "kept" },
	];
}

/**
 * Finds plans of least error for each budget: error tables from plain runs of calibration prompts, exact dynamic
 * programming on them, local search on the true error of the final latents; then measures these plans, and those they are
 * compared with, on held-out prompts. Noise injection is off throughout: it moves away from the plain run on purpose.
 */
export async function tunePlans(options: TuneOptions): Promise<TuneResult> {
	const { pipeline, settings, state, signal } = options;
	const { sampler } = settings;
	const { networks } = pipeline;
	const evaluations = sampler.timesteps.length;
	const states = candidateStates(networks.unet.skipCount);
	networks.expectRuns(Number.POSITIVE_INFINITY);
	const prompts = await calibrationPrompts(pipeline, settings, [
		...options.calibration,
		...options.heldOut,
	]);
	const calibration = prompts.slice(0, options.calibration.length);
	const heldOut = prompts.slice(options.calibration.length);

	const costs = await stateCosts(options, states, calibration[0]);
	const plainCost = planCost(plainPlan(evaluations), costs);
	const candidates = await tableCandidates(
		options,
		states,
		costs,
		calibration.slice(0, options.tablePrompts),
	);

	let unsaved = 0;
	const runs = planRuns({
		networks,
		sampler,
		tiledDecoding: settings.tiledDecoding,
		known: state.runs,
		signal,
		onRun: async () => {
			if (++unsaved < 20) return;
			unsaved = 0;
			await options.save(state);
		},
	});
	const comparisons = comparisonPlans(evaluations, [1, 2]).filter(({ plan }) =>
		plan.states.every((own) => costs.costs.has(stepStateWord(own))),
	);
	const paperCost = planCost(comparisons[0].plan, costs);
	const asked = budgetSpeedup(options.budget, plainCost);
	const speedups = [
		...new Set([
			...options.speedups,
			plainCost / paperCost,
			...(asked === undefined ? [] : [asked]),
		]),
	].sort((a, b) => a - b);

	const judged = await searchBudgets(
		options,
		{ runs, calibration, candidates, costs, plainCost, states },
		speedups,
	);
	const scored: (Omit<FrontPoint, "error" | "psnr" | "seconds" | "speedup"> & {
		run: ScoredRun;
		speedup: number | (() => number);
	})[] = [];
	const cheaper = (plan: KeyStepPlan) => plainCost / planCost(plan, costs);
	for (const { series, plan } of comparisons)
		scored.push({
			series,
			label: plan.label,
			run: { plan },
			plan,
			speedup: cheaper(plan),
		});
	const extrapolated = extrapolatedPaperPlan(evaluations);
	scored.push({
		series: "paper, extrapolated",
		label: extrapolated.label,
		run: { plan: extrapolated },
		plan: extrapolated,
		speedup: cheaper(extrapolated),
	});
	for (const { budget, family, plan, error } of judged)
		scored.push({
			series: family,
			label: `${family} ${budget.toFixed(2)}x`,
			run: { plan },
			plan,
			speedup: cheaper(plan),
			budget,
			calibrationError: error,
		});
	for (const fewer of fewerSteps(options, speedups)) {
		const count = fewer.sampler.timesteps.length;
		scored.push({
			series: "fewer steps",
			label: `${fewer.steps} steps`,
			run: {
				plan: plainPlan(count),
				sampler: fewer.sampler,
				label: `${fewer.steps} steps`,
			},
			speedup: evaluations / count,
		});
	}
	for (const threshold of options.comparisons === "all"
		? options.adaptive
		: []) {
		let keys = 0;
		let all = 0;
		const label = `adaptive:${threshold}`;
		scored.push({
			series: "adaptive",
			label,
			run: {
				plan: plainPlan(evaluations),
				label,
				denoiser: adaptiveDenoiser({
					threshold,
					onDecision: (_, key) => {
						all++;
						if (key) keys++;
					},
				}),
			},
			speedup: () => all / keys,
		});
	}
	const points: FrontPoint[] = [];
	for (const [n, { run, speedup, ...point }] of scored.entries()) {
		options.onProgress?.("comparing on held-out prompts", n, scored.length);
		if (typeof speedup === "function")
			// which steps are key steps is known from running only
			for (const prompt of heldOut)
				for (const key of Object.keys(state.runs))
					if (key.startsWith(`${prompt.seed}|${run.label}|`))
						delete state.runs[key];
		const scores = [];
		for (const prompt of heldOut)
			scores.push(await runs.score(prompt, run, true));
		points.push({
			...point,
			speedup: typeof speedup === "function" ? speedup() : speedup,
			error: bootstrapMean(scores.map(({ error }) => error)),
			psnr: mean(scores.map(({ psnr = 0 }) => psnr)),
			seconds: mean(scores.map(({ seconds }) => seconds)),
		});
	}
	await options.save(state);
	options.onProgress?.("done", scored.length, scored.length);
	return {
		costs,
		plainCost,
		points,
		chosen:
			asked === undefined
				? undefined
				: points.find(
						({ series, budget }) => series === "tuned" && budget === asked,
					),
	};
}

async function stateCosts(
	{ pipeline, settings, cost, state, budget, save }: TuneOptions,
	states: readonly StepState[],
	{ conditioning, initialNoise }: CalibrationPrompt,
): Promise<StateCosts> {
	if (budget && budget.kind !== "speedup") {
		const wanted = budget.kind === "flops" ? "flops" : "measured";
		if (cost !== wanted)
			throw new UserError(
				`--budget: a budget in ${budget.kind} needs --cost ${wanted}`,
				2,
			);
	}
	if (state.costs) return { ...state.costs, costs: new Map(state.costs.costs) };
	const { unet } = pipeline.networks;
	const all = [FULL, ...states];
	const [, , height, width] = initialNoise.dims;
	const costs =
		cost === "flops"
			? flopCosts(unet, all, {
					batch: conditioning.negative ? 2 : 1,
					height,
					width,
					tokens: conditioning.positive.dims[1],
				})
			: await measuredCosts(unet, all, conditioning, {
					dims: initialNoise.dims,
					data: settings.sampler.scaleModelInput(initialNoise.data, 0),
				});
	state.costs = { unit: costs.unit, costs: [...costs.costs] };
	await save(state);
	return costs;
}

interface Candidate {
	readonly family: PlanFamily;
	readonly plan: KeyStepPlan;
	readonly estimate: number;
}

/** The fronts of the dynamic programmes of both families under every extrapolation; kept in the state. */
async function tableCandidates(
	options: TuneOptions,
	states: readonly StepState[],
	costs: StateCosts,
	prompts: readonly CalibrationPrompt[],
): Promise<Candidate[]> {
	const { pipeline, settings, state, reach, signal } = options;
	const { sampler } = settings;
	const evaluations = sampler.timesteps.length;
	if (prompts.length === 0) state.candidates = [];
	if (!state.candidates) {
		const { unet } = pipeline.networks;
		const sensitivity = samplerSensitivity(sampler);
		const tables: PlainTables[] = [];
		let done = 0;
		for (const prompt of prompts)
			tables.push(
				await plainTables(prompt, {
					unet,
					sampler,
					states,
					window: Math.min(2 * reach, reach + 4),
					outerWindow: reach - 1,
					signal,
					onStep: () =>
						options.onProgress?.(
							"error tables",
							++done,
							prompts.length * evaluations,
						),
				}),
			);
		const gains = await measureGains(prompts[0], tables[0], {
			unet,
			sampler,
			sensitivity,
			probes: 6,
			signal,
		});
		const weighted = sensitivity.map((value, i) => value * gains[i]);
		const found: NonNullable<TuningState["candidates"]> = [];
		for (const extrapolation of EXTRAPOLATIONS)
			for (const [family, own] of [
				["tuned", states],
				["tuned, two states", [DECODER]],
			] as const)
				for (const { plan, estimate } of optimalPlans(
					segmentErrors(tables, {
						sampler,
						states: own,
						extrapolation,
						reach,
						sensitivity: weighted,
					}),
					costs,
				))
					found.push({
						family,
						estimate,
						states: plan.states.map(stepStateWord),
						...extrapolation,
					});
		state.candidates = found;
		await options.save(state);
	}
	return state.candidates.map(
		({ family, estimate, states: words, order, over }) => ({
			family: family as PlanFamily,
			estimate,
			plan: planFromStates(
				words.map((word) => parseStepState(word, "--state")),
				evaluations,
				family,
				{ order, over },
			),
		}),
	);
}

interface SearchContext {
	readonly runs: PlanRuns;
	readonly calibration: readonly CalibrationPrompt[];
	readonly candidates: readonly Candidate[];
	readonly costs: StateCosts;
	readonly plainCost: number;
	readonly states: readonly StepState[];
}

interface BudgetedPlan {
	readonly budget: number;
	readonly family: PlanFamily;
	readonly plan: KeyStepPlan;
	readonly error: number;
}

/** Local search for each budget, from the most to the least speed-up: what is cheaper fits every later budget too. */
async function searchBudgets(
	options: TuneOptions,
	context: SearchContext,
	speedups: readonly number[],
): Promise<BudgetedPlan[]> {
	const { candidates, costs, plainCost, runs, calibration } = context;
	const found: BudgetedPlan[] = [];
	// plans of two states are plans of all states too, and begin their search
	const families: PlanFamily[] = ["tuned, two states", "tuned"];
	let done = 0;
	for (const speedup of speedups.toReversed())
		for (const family of families) {
			options.onProgress?.(
				`search ${speedup.toFixed(2)}x`,
				done++,
				speedups.length * families.length,
			);
			const budget = plainCost / speedup;
			const affordable = candidates
				.filter(
					(own) =>
						own.family === family &&
						planCost(own.plan, costs) <= budget * (1 + 1e-9),
				)
				.sort((a, b) => a.estimate - b.estimate);
			const previous = found.findLast((own) => own.family === family);
			const best = await searchPlans({
				starts: [
					...affordable.slice(0, 3).map(({ plan }) => plan),
					...(previous ? [previous.plan] : []),
					...(family === "tuned"
						? [
								...found
									.filter(({ budget }) => budget === speedup)
									.map(({ plan }) => plan),
								...(options.starts ?? []),
							]
						: []),
				],
				states: family === "tuned" ? context.states : [DECODER],
				extrapolations: EXTRAPOLATIONS,
				costs,
				budget,
				// the comparison with the paper's own states is not searched for as long
				trials:
					family === "tuned" ? options.trials : Math.ceil(options.trials / 3),
				seed: Number(options.settings.seed % 1_000_003n) + done,
				judge: (plan, limit) => runs.meanError(calibration, { plan }, limit),
			});
			if (best) found.push({ budget: speedup, family, ...best });
		}
	return found.reverse();
}

/** Runs with fewer steps, one for each speed-up, as many steps as it allows. */
function fewerSteps(
	{ settings, settingsFor }: TuneOptions,
	speedups: readonly number[],
): { steps: number; sampler: Sampler }[] {
	const counts = new Set(
		speedups.map((speedup) =>
			Math.max(1, Math.floor(settings.steps / speedup + 1e-9)),
		),
	);
	counts.delete(settings.steps);
	return [...counts].map((steps) => ({
		steps,
		sampler: settingsFor(steps).sampler,
	}));
}

function budgetSpeedup(
	budget: TuningBudget | undefined,
	plainCost: number,
): number | undefined {
	switch (budget?.kind) {
		case undefined:
			return undefined;
		case "speedup":
			return budget.times;
		case "seconds":
			return plainCost / budget.seconds;
		case "flops":
			return plainCost / budget.flops;
	}
}

const mean = (values: readonly number[]) =>
	values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * What `--key-steps auto` takes: the fastest tuned plan that on held-out prompts errs no more than the paper's plan, and less
 * than any run with fewer steps that is as fast.
 */
export function autoPlan(
	points: readonly FrontPoint[],
): FrontPoint | undefined {
	const paper = points.find(({ series }) => series === "paper");
	if (!paper) return undefined;
	const isBeaten = (plan: FrontPoint) =>
		points.some(
			(other) =>
				other.series === "fewer steps" &&
				other.speedup >= plan.speedup &&
				other.error.estimate <= plan.error.estimate,
		);
	return points
		.filter(
			(point) =>
				point.series === "tuned" &&
				point.error.estimate <= paper.error.estimate &&
				!isBeaten(point),
		)
		.sort((a, b) => b.speedup - a.speedup)[0];
}
