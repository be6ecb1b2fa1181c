import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { longestText } from "../files/nodeReadRegularFile.js";
import { embeddedFolder } from "../weights/nodeEmbeddedModels.js";
import type { FindPlan, WantedPlan, WantedRun } from "./findPlan.js";
import { findPlanAmong } from "./findPlanAmong.js";
import { type PlanFile, parsePlanFile } from "./planFile.js";

/** Where plans of the embedded model are. */
const embeddedPlansFolder = join(embeddedFolder, "plans");

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
 * Looks for tuned plans in folders, in order (see `findPlanAmong`); folders that do not exist and files that are no plans are passed over.
 */
export function findPlanIn(folders: readonly string[]): FindPlan {
	// read at each question: a plan may have been tuned meanwhile
	const each = () => folders.map((folder) => findPlanAmong(plansIn(folder)));
	const find = (wanted: WantedPlan) => {
		for (const among of each()) {
			const found = among(wanted);
			if (found) return found;
		}
		return undefined;
	};
	const all = (wanted: WantedRun) =>
		each().flatMap((among) => among.all?.(wanted) ?? []);
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
				// a pipe or a device would be read for ever
				const status = statSync(path);
				return status.isFile() && status.size <= longestText
					? [parsePlanFile(readFileSync(path, "utf8"), path)]
					: [];
			} catch {
				return [];
			}
		});
}
