import type { CaptionBatch } from "./drawings.js";
import { seedBatches } from "./judge.js";
import { type Finalist, finalists, plainOf, type Study } from "./study.js";
import { SEEDS, type StudyRun } from "./studyRuns.js";

/** The batches of a run that all its finalists have drawn: what its table can be made of. */
export interface Drawn {
	/** Of captions that nothing was chosen by, seed by seed: of the first seed as many as there are, of others all or none. */
	readonly seeds: readonly (readonly CaptionBatch[])[];
	/** Of the first seed, those that the judge has seen. */
	readonly judged: readonly CaptionBatch[];
}

/** What there is of a run, which may have been cut short. */
export async function drawnBatches(
	study: Study,
	run: StudyRun,
): Promise<Drawn> {
	const { drawings, pictures, captions } = study;
	const plain = plainOf(run);
	const ways = await finalists(study, run);
	const untilMissing = async (
		batches: readonly CaptionBatch[],
		by: readonly Finalist[],
		isThere: (finalist: Finalist, batch: CaptionBatch) => Promise<boolean>,
	) => {
		for (const [n, batch] of batches.entries())
			for (const finalist of by)
				if (!(await isThere(finalist, batch))) return batches.slice(0, n);
		return batches;
	};
	const isDrawn = async ({ way }: Finalist, batch: CaptionBatch) =>
		(await drawings.has("latents", [way, batch])) &&
		(await drawings.has("psnr", [way, plain, batch]));
	const isJudged = ({ way }: Finalist, batch: CaptionBatch) =>
		pictures.hasEmbeddings(way, batch);
	const first = seedBatches(captions, 1);
	const seeds = [await untilMissing(first.unseen, ways, isDrawn)];
	if (seeds[0].length === 0)
		throw new Error(`nothing is drawn of ${run.sampler}: draw first`);
	const further = ways.filter(({ kind }) => kind !== "paper");
	for (let seed = 2; seed <= SEEDS; seed++) {
		const all = seedBatches(captions, seed).unseen;
		const there = await untilMissing(all, further, isDrawn);
		if (seeds[0].length < all.length || there.length < all.length) break;
		seeds.push(there);
	}
	const unseen = await untilMissing(first.unseen, ways, isJudged);
	const others = await untilMissing(first.calibration, ways, isJudged);
	const wholly =
		unseen.length === first.unseen.length &&
		others.length === first.calibration.length;
	return { seeds, judged: wholly ? [...unseen, ...others] : unseen };
}
