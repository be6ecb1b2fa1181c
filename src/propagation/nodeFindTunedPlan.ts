import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { embeddedModelsFolder } from "../weights/nodeEmbeddedModels.js";
import { type PlanFile, parsePlanFile } from "./planFile.js";

/** Where plans of the embedded model are. */
export const embeddedPlansFolder = join(embeddedModelsFolder, "emoji", "plans");

/** A plan file that was found. */
export interface FoundPlan {
	readonly path: string;
	readonly plan: PlanFile;
	/** How many times faster than the plain run it was found to be. */
	readonly speedup?: number;
}

/**
 * The plan that `fdiff tune` found for this model, sampler, steps and guidance: what `--key-steps auto` stands for. Of
 * several, the one marked `auto` when it was made (the fastest that errs no more than the paper's plan and less than as fast a run with fewer steps); without a mark the
 * first by name. Files that are no plans are passed over.
 * @param folders searched in order, folders that do not exist included; the embedded model's plans unless given
 * @returns undefined when there is none
 */
export async function findTunedPlan(
	modelHash: string,
	sampler: string,
	steps: number,
	guidanceScale: number,
	folders: readonly string[] = [embeddedPlansFolder],
): Promise<FoundPlan | undefined> {
	for (const folder of folders) {
		const found: (FoundPlan & { auto: boolean })[] = [];
		const names = await readdir(folder).catch(() => [] as string[]);
		for (const name of names.filter((n) => n.endsWith(".json")).sort()) {
			const path = join(folder, name);
			let plan: PlanFile;
			try {
				plan = parsePlanFile(await readFile(path, "utf8"), path);
			} catch {
				continue;
			}
			if (
				plan.model === modelHash &&
				plan.sampler === sampler &&
				plan.steps === steps &&
				Math.abs((plan.guidanceScale ?? guidanceScale) - guidanceScale) < 1e-6
			)
				found.push({ path, plan, ...made(plan.madeBy) });
		}
		const [first] = found;
		const best = found.find(({ auto }) => auto) ?? first;
		if (best) return best;
	}
	return undefined;
}

function made(by: unknown): { speedup?: number; auto: boolean } {
	const { speedup, auto } = (by ?? {}) as Record<string, unknown>;
	return {
		...(typeof speedup === "number" ? { speedup } : {}),
		auto: auto === true,
	};
}
