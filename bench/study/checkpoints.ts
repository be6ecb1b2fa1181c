import { join } from "node:path";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import { logsOf } from "../../src/tuning/search/students.js";
import { simpleCandidates } from "./candidates.js";
import {
	captionBatches,
	drawings,
	relativeErrors,
	type Way,
} from "./drawings.js";
import { mean, seedBatches } from "./judge.js";
import { chosenPlans, plainOf, type Study } from "./study.js";
import { nameOf, STUDY_RUNS } from "./studyRuns.js";

/** Unseen captions that other weights draw. */
const CAPTIONS = 8;

/** Numbers of calls at which other weights draw by the plans of these. */
const CARRIED: Readonly<Record<string, readonly number[]>> = {
	"dpm-solver++-20": [14, 10],
	"ddim-50": [20, 12],
};

const BESIDE = ["own", "even"];

/**
 * How the plans that were chosen for these weights do on others, beside simple grids: geometric mean errors to the others' own plain runs,
 * as a Markdown table.
 * @param folders models that differ by their weights alone
 */
export async function checkpoints(
	study: Study,
	out: string,
	folders: readonly string[],
	threads: number,
): Promise<string> {
	const batches = captionBatches(
		study.captions.unseen.slice(0, CAPTIONS),
		seedBatches(study.captions, 1).unseen[0].seed,
	);
	const rows: string[][] = [];
	for (const folder of ["", ...folders]) {
		const pipeline = folder
			? await loadPipeline(folder, {
					engine: "onnxruntime",
					precision: "float32",
					threads,
					keepResident: true,
				})
			: study.pipeline;
		const drawn = drawings(pipeline, join(out, "cache"));
		for (const run of STUDY_RUNS) {
			const carried = CARRIED[nameOf(run)] ?? [];
			for (const { calls, tuned, simple } of await chosenPlans(study, run)) {
				if (!carried.includes(calls)) continue;
				const errorOf = async ({ words }: { words: string }) => {
					const logs: number[] = [];
					for (const batch of batches) {
						const way: Way = { sampler: run.sampler, keySteps: words };
						logs.push(
							...logsOf(
								relativeErrors(
									await drawn.latents(way, batch),
									await drawn.latents(plainOf(run), batch),
									batch.captions.length,
								),
							),
						);
					}
					return Math.exp(mean(logs)).toFixed(3);
				};
				const grids = simpleCandidates(study.pipeline, run, calls).filter(
					({ isSimple }) => isSimple,
				);
				rows.push([
					pipeline.hash,
					nameOf(run),
					String(calls),
					tuned ? await errorOf(tuned) : "–",
					`${await errorOf(simple)} (${simple.series})`,
					...(await Promise.all(
						BESIDE.map(async (name) => {
							const grid = grids.find(({ series }) => series === name);
							return grid ? errorOf(grid) : "–";
						}),
					)),
				]);
			}
		}
		if (folder) await pipeline.release();
	}
	const head = [
		"weights",
		"run",
		"calls",
		"tuned on the present weights",
		"best simple grid there",
		...BESIDE,
	];
	return [head, head.map(() => "---"), ...rows]
		.map((cells) => `| ${cells.join(" | ")} |`)
		.join("\n");
}
