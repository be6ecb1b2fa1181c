import { dirname, join, parse } from "node:path";
import { makeFolder } from "../files/nodeMakeFolder.js";
import { writeWhole } from "../files/nodeWriteWhole.js";
import type { NetworkOptions } from "../pipeline/networks.js";
import type { PlanQuality } from "../propagation/planQuality.js";
import { choosePlans } from "./front/choosePlans.js";
import type { FrontPoint } from "./front/frontPoint.js";
import { frontJson, frontSvg } from "./front/frontReport.js";
import { tunedPlanFile, tunedPlanName } from "./front/tunedPlanFile.js";
import { readTuningState, writeTuningState } from "./runs/nodeTuningState.js";
import { type TuneOptions, tunePlans } from "./tunePlans.js";

/** A search whose plans and tables are written into files, and which goes on where it was broken off. */
export interface TuneRequest extends Omit<TuneOptions, "state" | "save"> {
	/** What the pipeline runs on: scores of another machinery are not taken over. */
	readonly engine: Pick<NetworkOptions, "device" | "threads" | "optimization">;
	/** The plan's file, of the quality that `options` asks for; tables and plots go beside it. */
	readonly out: string;
	/** Where the search keeps its state; beside `out` unless given. */
	readonly statePath?: string;
	/** A folder for the plans of all qualities. */
	readonly plansFolder?: string;
}

/** What was found, and written. */
export interface Tuned {
	readonly title: string;
	readonly points: readonly FrontPoint[];
	readonly chosen: ReadonlyMap<PlanQuality, FrontPoint>;
	/** The plan of `out`: of the quality asked for, or the nearest there is. */
	readonly written: FrontPoint;
}

/** Searches (see `tunePlans`) and writes the plan, the points as JSON and as a plot, and on demand the plans of all qualities. */
export async function tuneIntoFiles(request: TuneRequest): Promise<Tuned> {
	const { pipeline, calibration, heldOut, out, target, options } = request;
	const settings = pipeline.settings({
		...options,
		prompt: "",
		keySteps: "all",
	});
	const { sampler, steps, guidanceScale, seed } = settings;
	await makeFolder(dirname(out));
	const base = join(dirname(out), parse(out).name);
	const statePath = request.statePath ?? `${base}.state.json`;
	const { quality, ...same } = settings.options;
	const state = await readTuningState(
		statePath,
		JSON.stringify([
			pipeline.hash,
			same,
			request.engine,
			[
				pipeline.engine,
				pipeline.precision,
				...(request.openJudge ? ["judged more exactly"] : []),
			],
			target,
			request.candidates,
			{ calibration, heldOut },
		]),
	);
	const points = await tunePlans({
		...request,
		state,
		save: (own) => writeTuningState(statePath, own),
	});
	const tunedFor = {
		model: pipeline.hash,
		engine: pipeline.engine,
		precision: pipeline.precision,
		sampler: sampler.name,
		steps,
		guidanceScale,
		seed,
		target,
		calibrationPrompts: calibration.length,
		heldOutPrompts: heldOut.length,
	};
	const chosen = choosePlans(points);
	const nearest = points
		.filter(({ series }) => series === "tuned")
		.sort((a, b) => a.logError - b.logError)[0];
	const written = chosen.get(quality) ?? nearest;
	const title = `${sampler.name}, ${steps} steps, ${pipeline.label}`;
	const file = (point: FrontPoint) =>
		json(tunedPlanFile(point, tunedFor, points));
	await writeWhole(out, file(written));
	await writeWhole(`${base}.front.svg`, await frontSvg(points, title));
	await writeWhole(
		`${base}.front.json`,
		json({
			...tunedFor,
			seed: String(seed),
			prompts: { calibration, heldOut },
			points: frontJson(points),
		}),
	);
	if (request.plansFolder !== undefined)
		for (const [own, point] of chosen) {
			// one that is better than asked for is found by its own name
			const plan = tunedPlanFile(point, tunedFor, points);
			if (plan.quality !== own) continue;
			await writeWhole(
				join(request.plansFolder, tunedPlanName(own, tunedFor)),
				json(plan),
				{ makeFolder: true },
			);
		}
	return { title, points, chosen, written };
}

const json = (value: unknown) => `${JSON.stringify(value, undefined, "\t")}\n`;
