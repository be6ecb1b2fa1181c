import { OptionError } from "../errors/optionError.js";
import { plainPlan } from "../propagation/keyStepPlan.js";
import { parseKeySteps } from "../propagation/planStates.js";
import { DECODER, FULL, type StepState } from "../propagation/stepState.js";
import type { FrontPoint } from "./front/frontPoint.js";
import { heldOutFront } from "./front/heldOutFront.js";
import {
	type CalibrationPrompt,
	calibrationPrompts,
} from "./runs/calibrationPrompt.js";
import {
	flopCosts,
	measuredCosts,
	planCost,
	type StateCosts,
} from "./runs/planCost.js";
import { planRuns } from "./runs/planRuns.js";
import type { TuneOptions } from "./runs/tuneOptions.js";
import type { TuningBudget } from "./runs/tuningBudget.js";
import { contenders, plainContender } from "./search/contenders.js";
import { searchBudgets } from "./search/searchBudgets.js";
import { tableCandidates } from "./search/tableCandidates.js";

/** What `tunePlans` found. */
export interface TuneResult {
	readonly costs: StateCosts;
	/** What the plain run costs, in the unit of `costs`. */
	readonly plainCost: number;
	/** Its UNet seconds an image, measured beside the others: the median over the rounds. */
	readonly plainSeconds: number;
	readonly points: readonly FrontPoint[];
	/** The plan for the budget that was asked for. */
	readonly chosen?: FrontPoint;
}

/** States tried besides the whole network: DeepCache's cut at the three outermost depths, with fresh and kept skips. */
export function candidateStates(skipCount: number): StepState[] {
	const depths = [1, 2, 3].filter((depth) => depth < skipCount);
	return [
		DECODER,
		...([1, 2, 0] as const).map(
			(order): StepState => ({ run: "nothing", order }),
		),
		...([0, 1] as const).map(
			(order): StepState => ({ run: "nothing", order, of: "denoised" }),
		),
		...depths.map(
			(layers): StepState => ({ run: "outer", layers, encoder: "fresh" }),
		),
		{ run: "outer", layers: Math.min(2, skipCount), encoder: "kept" },
	];
}

/**
 * Finds plans of least error for each budget: error tables from plain runs of calibration prompts, exact dynamic
 * programming on them, local search on the true error of the final latents (and LPIPS of the images); then measures these plans, and those they are
 * compared with, on held-out prompts. Noise injection is off throughout: it moves away from the plain run on purpose.
 */
export async function tunePlans(options: TuneOptions): Promise<TuneResult> {
	const { pipeline, settings, state, signal } = options;
	const { sampler } = settings;
	const evaluations = sampler.timesteps.length;
	const states = candidateStates(pipeline.unet.skipCount);
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
		pipeline,
		sampler,
		tiledDecoding: settings.tiledDecoding,
		lpips: options.lpips,
		known: state.runs,
		signal,
		onRun: async () => {
			if (++unsaved < 20) return;
			unsaved = 0;
			await options.save(state);
		},
	});
	const paperCost = planCost(parseKeySteps("paper", evaluations), costs);
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
	const { points, plain } = await heldOutFront(
		[
			plainContender(evaluations),
			...contenders(options, judged, speedups, costs),
		],
		{ runs, prompts: heldOut, options },
	);
	await options.save(state);
	return {
		costs,
		plainCost,
		plainSeconds: plain.seconds,
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
			throw new OptionError(
				"cost",
				`a budget in ${budget.kind} needs ${wanted}`,
			);
	}
	if (state.costs) return { ...state.costs, costs: new Map(state.costs.costs) };
	const { unet } = pipeline;
	const all = [FULL, ...states];
	const [, , height, width] = initialNoise.dims;
	const costs =
		cost === "flops"
			? flopCosts(unet, all, {
					batch: conditioning.negative ? 2 : 1,
					height,
					width,
					tokens: conditioning.positive.encoder_hidden_states.dims[1],
				})
			: await measuredCosts(unet, all, conditioning, {
					dims: initialNoise.dims,
					data: settings.sampler.scaleModelInput(initialNoise.data, 0),
				});
	state.costs = { unit: costs.unit, costs: [...costs.costs] };
	await save(state);
	return costs;
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
