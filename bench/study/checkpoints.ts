import { planWords } from "../../src/accelerators/planWords.js";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import type { Pipeline } from "../../src/pipeline/pipeline.js";
import { generalPlan, planOfCalls } from "../../src/propagation/generalPlan.js";
import { keySteps } from "../../src/propagation/keyStepPlan.js";
import { isAsNear, PLAN_QUALITIES } from "../../src/propagation/planQuality.js";
import { quantile } from "../../src/tensor/quantile.js";
import { logsOf } from "../../src/tuning/search/students.js";
import { markdownTable } from "../markdownTable.js";
import { simpleCandidates } from "./candidates.js";
import {
	type CaptionBatch,
	drawings,
	relativeErrors,
	type Way,
} from "./drawings.js";
import { mean, seedBatches } from "./judge.js";
import { pictures } from "./pictures.js";
import type { Study } from "./study.js";

/** Runs that general plans are for, with the numbers of calls that are tried. */
const GENERAL_RUNS: readonly {
	readonly sampler: string;
	readonly steps: number;
	readonly calls: readonly number[];
}[] = [
	{
		sampler: "dpm-solver++",
		steps: 20,
		calls: [18, 17, 12, 10, 9],
	},
	{ sampler: "ddim", steps: 50, calls: [25, 20, 16, 14, 12, 10] },
	{ sampler: "euler", steps: 20, calls: [17, 16, 15, 12, 10, 9] },
	{ sampler: "unipc", steps: 20, calls: [17, 16, 15, 12, 10, 9] },
	{ sampler: "dpm-solver", steps: 20, calls: [18, 17, 16, 15, 10, 9] },
];

/** Batches of captions that shares of calls are chosen by, and those that they are checked on. */
const BATCHES = { choosing: 3, checking: 3 };

/** Grids that general plans are held beside: plain sampling with fewer steps. */
const BESIDE = ["own"];

/** What a way loses beside the plain run, over captions. */
interface Loss {
	/** Geometric mean of the relative errors. */
	readonly error: number;
	readonly median: number;
	readonly tenth: number;
}

/**
 * How plans that need no tuning do on weights of several trainings, as Markdown tables: by number of calls on calibration captions, and by
 * quality on captions that no share of calls was chosen by.
 * @param folders models that differ from the embedded one by their weights alone
 */
export async function checkpoints(
	study: Study,
	cache: string,
	folders: readonly string[],
	threads: number,
): Promise<string> {
	const { unseen, calibration } = seedBatches(study.captions, 1);
	const choosing = calibration.slice(0, BATCHES.choosing);
	const checking = unseen.slice(0, BATCHES.checking);
	const tried: string[][] = [];
	const checked: string[][] = [];
	for (const folder of ["", ...folders]) {
		const pipeline = folder
			? await loadPipeline(folder, {
					engine: "onnxruntime",
					precision: "float32",
					threads,
					keepResident: true,
				})
			: study.pipeline;
		for (const run of GENERAL_RUNS) {
			const { sampler, steps } = run;
			const name = `${sampler}-${steps}`;
			const lossOf = losses(pipeline, study, cache, { sampler, steps });
			const plain = pipeline.settings({
				...{ prompt: "", sampler, steps, keySteps: "all" },
			}).sampler;
			for (const calls of run.calls) {
				const plan = planOfCalls(plain, calls);
				if (!plan) continue;
				const loss = await lossOf(planWords(plan), choosing);
				tried.push([pipeline.hash, name, String(calls), ...cells(loss)]);
			}
			for (const quality of PLAN_QUALITIES) {
				const plan = generalPlan(plain, quality);
				if (!plan) continue;
				const calls = keySteps(plan).length;
				const grids = simpleCandidates(pipeline, { sampler, steps }, calls);
				const loss = await lossOf(planWords(plan), checking);
				const holds = isAsNear(loss, quality);
				const beside: string[] = [];
				for (const series of BESIDE) {
					const grid = grids.find((own) => own.series === series);
					beside.push(
						grid ? (await lossOf(grid.words, checking)).error.toFixed(3) : "–",
					);
				}
				checked.push([
					...[pipeline.hash, name, quality, String(calls), ...cells(loss)],
					...[holds ? "yes" : "no", ...beside],
				]);
			}
		}
		if (folder) await pipeline.release();
	}
	const figures = ["error", "PSNR, median / tenth percentile, dB"];
	return [
		markdownTable(["weights", "run", "calls", ...figures], tried),
		markdownTable(
			["weights", "run", "quality", "calls", ...figures, "holds", ...BESIDE],
			checked,
		),
	].join("\n\n");
}

const cells = ({ error, median, tenth }: Loss) => [
	error.toFixed(3),
	`${median.toFixed(1)} / ${tenth.toFixed(1)}`,
];

function losses(
	pipeline: Pipeline,
	{ clip }: Study,
	cache: string,
	run: { readonly sampler: string; readonly steps: number },
) {
	const drawn = drawings(pipeline, cache);
	const seen = pictures(pipeline, clip, drawn);
	const plain: Way = { ...run, keySteps: "all" };
	return async (
		words: string,
		batches: readonly CaptionBatch[],
	): Promise<Loss> => {
		const way: Way = { sampler: run.sampler, keySteps: words };
		const logs: number[] = [];
		const near: number[] = [];
		for (const batch of batches) {
			const own = await drawn.latents(way, batch);
			const truth = await drawn.latents(plain, batch);
			logs.push(...logsOf(relativeErrors(own, truth, batch.captions.length)));
			near.push(...(await seen.psnr(way, plain, batch)));
		}
		near.sort((a, b) => a - b);
		return {
			error: Math.exp(mean(logs)),
			median: quantile(near, 0.5),
			tenth: quantile(near, 0.1),
		};
	};
}
