import { readFile } from "node:fs/promises";
import * as z from "zod";
import { logsOf } from "../../src/tuning/search/students.js";
import type { Candidate } from "./candidates.js";
import {
	type CaptionBatch,
	type Drawings,
	relativeErrors,
	type Way,
} from "./drawings.js";

/** A candidate with what it did on the captions that choices go by. */
export interface Ranked extends Candidate {
	/** Mean logarithm of the relative errors to the plain run. */
	readonly logError: number;
}

const rankedSchema = z.object({
	series: z.string(),
	isSimple: z.boolean(),
	calls: z.number(),
	words: z.string(),
	logError: z.number(),
});

const chosenSchema = z.object({
	calls: z.number(),
	simple: rankedSchema,
	/** The best plan that reuses predictions or was searched, where there is one. */
	tuned: rankedSchema.optional(),
	ranked: z.array(rankedSchema),
});

/** What was chosen for a number of calls. */
export type Chosen = Readonly<z.output<typeof chosenSchema>>;

const choicesSchema = z.record(z.string(), z.array(chosenSchema));

/** What was chosen for each run, by its name. */
export type Choices = Readonly<Record<string, readonly Chosen[]>>;

/** The choices.json of a study's folder. */
export const readChoices = async (path: string): Promise<Choices> =>
	choicesSchema.parse(JSON.parse(await readFile(path, "utf8")));

/** How far behind the best, in logarithms, a candidate may lie after a batch to be drawn on. */
const MARGINS = [0.2, 0.15, 0.1, 0.06];

/**
 * Ranks candidates of equal cost by their errors to the plain run, batch by batch; those that fall far behind are not drawn on.
 * Simple ones and others are held against their own kind.
 */
export async function rank(
	candidates: readonly Candidate[],
	plain: Way,
	batches: readonly CaptionBatch[],
	{ latents }: Drawings,
): Promise<Ranked[]> {
	let left = candidates.map((candidate) => ({
		candidate,
		logs: [] as number[],
	}));
	for (const [n, batch] of batches.entries()) {
		const truth = await latents(plain, batch);
		for (const { candidate, logs } of left) {
			const way = { sampler: plain.sampler, keySteps: candidate.words };
			const own = await latents(way, batch);
			logs.push(...logsOf(relativeErrors(own, truth, batch.captions.length)));
		}
		const margin = MARGINS[Math.min(n, MARGINS.length - 1)];
		for (const simple of [true, false]) {
			const best = Math.min(
				...left
					.filter(({ candidate }) => candidate.isSimple === simple)
					.map(({ logs }) => mean(logs)),
			);
			left = left.filter(
				({ candidate, logs }) =>
					candidate.isSimple !== simple || mean(logs) <= best + margin,
			);
		}
	}
	return left
		.map(({ candidate, logs }) => ({ ...candidate, logError: mean(logs) }))
		.sort((a, b) => a.logError - b.logError);
}

const mean = (values: readonly number[]) =>
	values.reduce((sum, value) => sum + value, 0) / values.length;
