import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { decodePicture } from "../../src/datasets/nodePicture.js";
import type { ClipModel } from "../../src/metrics/clipModel.js";
import type { Features } from "../../src/metrics/features.js";
import { openClipModel } from "../../src/metrics/nodeClipModel.js";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import type { Pipeline } from "../../src/pipeline/pipeline.js";
import { stateFlops } from "../../src/propagation/statePart.js";
import { FULL } from "../../src/propagation/stepState.js";
import {
	type Candidate,
	searchedPlan,
	simpleCandidates,
	tuningStateAt,
	withoutBeaten,
} from "./candidates.js";
import { type StudyCaptions, studyCaptions } from "./captions.js";
import { type Choices, type Chosen, rank } from "./choose.js";
import {
	type CaptionBatch,
	captionBatches,
	type Drawings,
	drawings,
	type Way,
} from "./drawings.js";
import { type Pictures, pictures } from "./pictures.js";
import { nameOf, STUDY_RUNS, type StudyRun } from "./studyRuns.js";

/** All that the study's parts need. */
export interface Study {
	readonly pipeline: Pipeline;
	readonly clip: ClipModel;
	readonly captions: StudyCaptions;
	readonly drawings: Drawings;
	readonly pictures: Pictures;
	/** Where `fdiff tune` keeps its states, as SAMPLER-STEPS.state.json. */
	readonly states: string;
	/** What was chosen on other weights, where that is to be held beside plain runs here. */
	readonly choices: Choices;
}

/** @param out where everything is kept, so that a study that is cut short goes on */
export async function openStudy(
	root: string,
	out: string,
	threads: number,
	captions: number,
	choices: Choices,
): Promise<Study> {
	const model = join(root, "models/emoji");
	const pipeline = await loadPipeline(model, {
		engine: "onnxruntime",
		precision: "float32",
		threads,
		keepResident: true,
		// every way's seconds have the text encoder's in them
		keepTexts: false,
	});
	const clip = await openClipModel(join(root, "models/emoji-clip"), {
		threads,
	});
	const drawn = drawings(pipeline, join(out, "cache"));
	return {
		pipeline,
		clip,
		captions: await studyCaptions(join(model, "eval"), captions),
		drawings: drawn,
		pictures: pictures(pipeline, clip, drawn),
		states: out,
		choices,
	};
}

/** Calibration captions that choices of grids go by, in noise that nothing else is drawn from. */
const CHOOSING = { captions: 40, seed: 90_000 };

/** For each number of calls of a run, the best simple grid and the best other plan, by calibration captions alone. */
export async function chosenPlans(
	study: Study,
	run: StudyRun,
): Promise<readonly Chosen[]> {
	const { pipeline, captions, drawings, states, choices } = study;
	const known = choices[nameOf(run)];
	if (known) return known;
	const batches = captionBatches(
		captions.calibration.slice(0, CHOOSING.captions),
		CHOOSING.seed,
	);
	const state = await tuningStateAt(join(states, `${nameOf(run)}.state.json`));
	const chosen: Chosen[] = [];
	for (const calls of run.calls) {
		const searched = state ? searchedPlan(state, calls) : [];
		// a search begins with those that reuse
		const simpleOnes = simpleCandidates(pipeline, run, calls).filter(
			({ isSimple }) => isSimple || searched.length === 0,
		);
		const all: Candidate[] = [
			...simpleOnes,
			// where a search finds nothing better than a simple grid, it gives that
			...searched.filter(({ words }) =>
				simpleOnes.every((simple) => simple.words !== words),
			),
		];
		const candidates = state ? withoutBeaten(all, state) : all;
		const ranked = await rank(candidates, plainOf(run), batches, drawings);
		const simple = ranked.find(({ isSimple }) => isSimple);
		if (!simple) throw new Error(`no grid of ${calls} calls`);
		chosen.push({
			calls,
			simple,
			tuned: ranked.find(({ isSimple }) => !isSimple),
			ranked,
		});
	}
	return chosen;
}

export const plainOf = ({ sampler, steps }: StudyRun): Way => ({
	sampler,
	steps,
	keySteps: "all",
});

/** A run that is shown in the tables. */
export interface Finalist {
	readonly label: string;
	readonly way: Way;
	readonly calls: number;
	readonly kind: "plain" | "paper" | "simple" | "tuned" | "rival";
}

export async function finalists(
	study: Study,
	run: StudyRun,
): Promise<Finalist[]> {
	const plain = plainOf(run);
	const chosen = await chosenPlans(study, run);
	return [
		{ label: "plain", way: plain, calls: run.steps, kind: "plain" },
		...(run.published
			? [
					{
						label: "paper",
						way: { ...plain, keySteps: "paper" },
						calls: paperCalls(study, run),
						kind: "paper" as const,
					},
				]
			: []),
		...chosen.flatMap(({ calls, simple, tuned }): Finalist[] => [
			...(tuned
				? [
						{
							label: tuned.series,
							way: { sampler: run.sampler, keySteps: tuned.words },
							calls,
							kind: "tuned" as const,
						},
					]
				: []),
			{
				label: simple.series,
				way: { sampler: run.sampler, keySteps: simple.words },
				calls,
				kind: "simple",
			},
		]),
	];
}

/** Another sampler's runs that may come as near to a run as its own with fewer steps. */
export async function rivals(study: Study, run: StudyRun): Promise<Finalist[]> {
	const rival = STUDY_RUNS.find(({ sampler }) => sampler === "dpm-solver++");
	if (run.sampler !== "ddim" || !rival) return [];
	return (await finalists(study, rival))
		.filter(({ kind }) => kind === "simple")
		.map((own) => ({
			...own,
			kind: "rival",
			label: `${rival.sampler}, ${own.label}`,
		}));
}

/** Calls that the paper's plan costs, parts of the network by their share of the operations. */
function paperCalls(
	{ pipeline, captions }: Study,
	{ sampler, steps }: StudyRun,
): number {
	const { plan, width, height } = pipeline.settings({
		prompt: captions.unseen[0],
		sampler,
		steps,
		keySteps: "paper",
	});
	const [, rows, columns] = pipeline.latentShape({ width, height });
	const dims = { batch: 2, height: rows, width: columns, tokens: 77 };
	const flops = plan.states.reduce(
		(sum, state) => sum + stateFlops(pipeline.unet, state, dims),
		0,
	);
	return (
		Math.round((100 * flops) / stateFlops(pipeline.unet, FULL, dims)) / 100
	);
}

/**
 * Draws by all finalists what the tables need of some captions; what is there is passed over.
 * @param judged whether the judge sees them, and the paper's plan takes part
 */
export async function drawBatches(
	study: Study,
	run: StudyRun,
	batches: readonly CaptionBatch[],
	judged: boolean,
): Promise<void> {
	const plain = plainOf(run);
	const ways = await finalists(study, run);
	for (const batch of batches)
		for (const { way, kind } of ways) {
			if (kind === "paper" && !judged) continue;
			await study.drawings.latents(way, batch);
			await study.pictures.psnr(way, plain, batch);
			if (judged) await study.pictures.embeddings(way, batch);
		}
}

/** The judge's embeddings of the real pictures. */
export async function realFeatures({
	clip,
	captions,
	drawings,
}: Study): Promise<Features> {
	const count = captions.pictures.length;
	const data = await drawings.kept(
		"embeddings",
		[clip.madeWith, "reals"],
		async () => {
			const rows: Float32Array[] = [];
			for (const path of captions.pictures)
				rows.push(
					(
						await clip.embedImages([
							await decodePicture(await readFile(path), path),
						])
					).data,
				);
			const all = new Float32Array(count * rows[0].length);
			for (const [n, row] of rows.entries()) all.set(row, n * row.length);
			return all;
		},
	);
	return { count, width: data.length / count, data };
}
