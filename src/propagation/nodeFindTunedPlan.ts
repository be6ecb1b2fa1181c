import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../errors/userError.js";
import { samplerByName } from "../samplers/config/samplerNames.js";
import {
	EMBEDDED_MODEL,
	embeddedModelsFolder,
} from "../weights/nodeEmbeddedModels.js";
import type { FindPlan, WantedPlan } from "./findPlan.js";
import { type PlanFile, parsePlanFile } from "./planFile.js";

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
 * that fit, the one marked `auto` when it was made (see tuning/search/autoPlan.ts); without a mark the first by name.
 */
export function findPlanIn(folders: readonly string[]): FindPlan {
	const fitting = (
		folder: string,
		{ model, sampler, steps, guidanceScale }: WantedPlan,
	) =>
		plansIn(folder).filter(
			(plan) =>
				plan.model === model &&
				plan.steps === steps &&
				plan.sampler !== undefined &&
				isSampler(plan.sampler, sampler) &&
				Math.abs((plan.guidanceScale ?? guidanceScale) - guidanceScale) < 1e-6,
		);
	const find = (wanted: WantedPlan) => {
		for (const folder of folders) {
			const found = fitting(folder, wanted);
			const marked = found.find(
				({ madeBy }) =>
					(madeBy as { auto?: unknown } | undefined)?.auto === true,
			);
			if (found.length > 0) return marked ?? found[0];
		}
		return undefined;
	};
	const all = (wanted: WantedPlan) =>
		folders.flatMap((folder) => fitting(folder, wanted));
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
