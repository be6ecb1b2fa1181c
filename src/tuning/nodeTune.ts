import { mkdir } from "node:fs/promises";
import { dirname, join, parse } from "node:path";
import { OptionError } from "../errors/optionError.js";
import { writeWhole } from "../files/nodeWriteWhole.js";
import type { NetworkOptions } from "../pipeline/networks.js";
import type { GenerateOptions } from "../pipeline/options.js";
import { planFromStates } from "../propagation/keyStepPlan.js";
import { type PlanFile, planFromFile } from "../propagation/planFile.js";
import { autoPlan } from "./front/autoPlan.js";
import type { FrontPoint } from "./front/frontPoint.js";
import { frontJson, frontSvg } from "./front/frontReport.js";
import { frontFindings } from "./front/frontVerdict.js";
import {
	type TunedFor,
	tunedPlanFile,
	tunedPlanName,
} from "./front/tunedPlanFile.js";
import { readTuningState, writeTuningState } from "./runs/nodeTuningState.js";
import type { TuneOptions } from "./runs/tuneOptions.js";
import type { TuningState } from "./runs/tuningState.js";
import { tuneInjection } from "./tuneInjection.js";
import { type TuneResult, tunePlans } from "./tunePlans.js";

/** A search whose plans and tables are written into files, and which goes on where it was broken off. */
export interface TuneRequest
	extends Omit<
		TuneOptions,
		"settings" | "settingsFor" | "adaptive" | "starts" | "state" | "save"
	> {
	/** The run that plans are for; its plan and noise injection are the search's own. */
	readonly options: Omit<GenerateOptions, "prompt">;
	/** What the pipeline runs on: measured times of another machinery are not taken over. */
	readonly engine: Pick<NetworkOptions, "device" | "threads" | "optimization">;
	/** Plans to begin with, and what errors call them. */
	readonly starts: readonly {
		readonly name: string;
		readonly file: PlanFile;
	}[];
	/** Also finds the noise injection that matches the plain run's spectrum. */
	readonly tuneInjection: boolean;
	/** The plan's file; tables and plots go beside it. */
	readonly out: string;
	/** Where the search keeps its state; beside `out` unless given. */
	readonly statePath?: string;
	/** A folder for the plans of all budgets. */
	readonly plansFolder?: string;
}

/** What was found, and written. */
export interface Tuned extends Omit<TuneResult, "chosen"> {
	readonly title: string;
	readonly chosen: FrontPoint;
	readonly heldOut: readonly string[];
}

/** Thresholds of the adaptive mode that plans are compared with. */
const ADAPTIVE = [0.02, 0.04, 0.08, 0.15, 0.3];

/**
 * Searches (see `tunePlans`) and writes the plan for the budget, the front as JSON and as plots, and on demand the plans of all
 * budgets.
 * @throws OptionError when no plan is as cheap as the budget, or a start is of another run
 */
export async function tuneIntoFiles(request: TuneRequest): Promise<Tuned> {
	const { pipeline, lpips, calibration, heldOut, out, signal } = request;
	const settingsFor = (steps?: number) =>
		pipeline.settings({
			...request.options,
			prompt: "",
			...(steps === undefined ? {} : { steps }),
			keySteps: "all",
			injectNoise: 0,
		});
	const settings = settingsFor();
	const { sampler, steps, guidanceScale, seed } = settings;
	const objective = lpips
		? `sqrt(relative error of latents x LPIPS ${lpips.trunk} ${lpips.hash})`
		: "relative error of latents";
	const run = {
		sampler: sampler.name,
		steps,
		evaluations: sampler.timesteps.length,
	};
	const starts = request.starts.map(({ name, file }) => {
		const { states, extrapolation } = planFromFile(file, run, name);
		return planFromStates(states, run.evaluations, "tuned", extrapolation);
	});
	await mkdir(dirname(out), { recursive: true });
	const base = join(dirname(out), parse(out).name);
	const statePath = request.statePath ?? `${base}.state.json`;
	const state = await readTuningState(
		statePath,
		JSON.stringify([
			pipeline.hash,
			settings.options,
			request.engine,
			request.cost,
			request.reach,
			request.tablePrompts,
			{ calibration, heldOut },
			// what was judged by another objective says nothing about this one
			...(lpips ? [objective] : []),
			// nor do times of another engine or precision
			...(pipeline.engine === "onnxruntime" && pipeline.precision === "float32"
				? []
				: [pipeline.engine, pipeline.precision]),
		]),
	);
	const save = (own: TuningState) => writeTuningState(statePath, own);
	let result: TuneResult;
	try {
		result = await tunePlans({
			...request,
			settings,
			settingsFor,
			reach: Math.min(request.reach, run.evaluations),
			adaptive: ADAPTIVE,
			starts,
			state,
			save,
		});
	} finally {
		await save(state);
	}
	const { points, chosen, costs, plainCost, plainSeconds } = result;
	if (!chosen?.plan)
		throw new OptionError("budget", "no plan costs so little; allow more");
	const auto = autoPlan(points);
	const tunedFor = (point: FrontPoint): TunedFor => ({
		model: pipeline.hash,
		engine: pipeline.engine,
		precision: pipeline.precision,
		sampler: sampler.name,
		steps,
		guidanceScale,
		seed,
		calibrationPrompts: calibration.length,
		heldOutPrompts: heldOut.length,
		costUnit: costs.unit,
		objective,
		auto: point === auto,
	});
	const injection = request.tuneInjection
		? await tuneInjection({
				pipeline,
				settings,
				prompts: calibration,
				plan: chosen.plan,
				signal,
			})
		: undefined;
	const title = `${sampler.name}, ${steps} steps, ${pipeline.label}`;
	const chosenFor = { ...tunedFor(chosen), injection: injection?.best };
	await writeWhole(out, json(tunedPlanFile(chosen, chosenFor)));
	await writeWhole(`${base}.front.svg`, await frontSvg(points, title, "cost"));
	await writeWhole(
		`${base}.front-measured.svg`,
		await frontSvg(points, title, "seconds"),
	);
	await writeWhole(
		`${base}.front.json`,
		json({
			model: pipeline.hash,
			engine: pipeline.engine,
			precision: pipeline.precision,
			sampler: sampler.name,
			steps,
			guidanceScale,
			costs: { unit: costs.unit, ...Object.fromEntries(costs.costs) },
			plainCost,
			plainSeconds,
			objective,
			prompts: { calibration, heldOut },
			points: frontJson(points),
			findings: {
				cost: frontFindings(points, "cost"),
				seconds: frontFindings(points, "seconds"),
			},
			...(injection ? { injection: injection.tried } : {}),
		}),
	);
	if (request.plansFolder !== undefined)
		for (const point of points.filter(({ series }) => series === "tuned"))
			await writeWhole(
				join(request.plansFolder, tunedPlanName(point, tunedFor(point))),
				json(tunedPlanFile(point, tunedFor(point))),
				{ makeFolder: true },
			);
	return { ...result, title, chosen, heldOut };
}

const json = (value: unknown) => `${JSON.stringify(value, undefined, "\t")}\n`;
