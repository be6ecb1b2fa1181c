import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../errors/userError.js";
import { samplerByName } from "../samplers/config/samplerNames.js";
import {
	EMBEDDED_MODEL,
	embeddedModelsFolder,
} from "../weights/nodeEmbeddedModels.js";
import type { FindPlan, WantedPlan, WantedRun } from "./findPlan.js";
import { type PlanFile, parsePlanFile } from "./planFile.js";
import { PLAN_QUALITIES } from "./planQuality.js";

/** Where plans of the embedded model are. */
const embeddedPlansFolder = join(embeddedModelsFolder, EMBEDDED_MODEL, "plans");

/**
 * Looks for tuned plans in `plans/` of the folder that a model lies in (a Hub model's snapshot, the folder of a single file),
 * then among the embedded model's.
 */
export function nodeFindPlan(modelFolder?: string): FindPlan {
	return findPlanIn([
		...(modelFolder === undefined ? [] : [join(modelFolder, "plans")]),
		embeddedPlansFolder,
	]);
}

/**
 * Looks for tuned plans in folders, in order; folders that do not exist and files that are no plans are passed over. Of several
 * that fit, the one of the quality that was asked for, else of the next better one.
 */
export function findPlanIn(folders: readonly string[]): FindPlan {
	/** @param ofOwn whether a plan fits a run of its own number of steps too: that is how it is asked for by its words */
	const fitting = (folder: string, wanted: WantedRun, ofOwn = false) =>
		plansIn(folder).filter(
			(plan) =>
				plan.model === wanted.model &&
				((plan.standsFor ?? plan.steps) === wanted.steps ||
					(ofOwn && plan.steps === wanted.steps)) &&
				plan.sampler !== undefined &&
				isSampler(plan.sampler, wanted.sampler) &&
				Math.abs(
					(plan.guidanceScale ?? wanted.guidanceScale) - wanted.guidanceScale,
				) < 1e-6,
		);
	const find = (wanted: WantedPlan) => {
		const qualities = PLAN_QUALITIES.slice(
			0,
			PLAN_QUALITIES.indexOf(wanted.quality) + 1,
		).reverse();
		for (const folder of folders) {
			const found = fitting(folder, wanted);
			for (const own of qualities) {
				const plan = found.find(({ quality }) => quality === own);
				if (plan) return plan;
			}
		}
		return undefined;
	};
	const all = (wanted: WantedRun) =>
		folders.flatMap((folder) => fitting(folder, wanted, true));
	return Object.assign(find, { all });
}

function plansIn(folder: string): PlanFile[] {
	let names: string[];
	try {
		names = readdirSync(folder);
	} catch {
		return [];
	}
	return names
		.filter((name) => name.endsWith(".json"))
		.sort()
		.flatMap((name) => {
			const path = join(folder, name);
			try {
				return [parsePlanFile(readFileSync(path, "utf8"), path)];
			} catch {
				return [];
			}
		});
}

function isSampler(word: string, name: string): boolean {
	try {
		return samplerByName(word).name === name;
	} catch (error) {
		if (error instanceof UserError) return false;
		throw error;
	}
}
