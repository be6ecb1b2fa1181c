import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { mersenneTwister } from "../../src/random/mersenneTwister.js";
import { shuffled } from "../../src/random/shuffled.js";
import { median } from "../../src/tensor/quantile.js";
import { finalists, type Study } from "./study.js";
import type { StudyRun } from "./studyRuns.js";

/** Seconds an image, from prompt to pixels, by the way in JSON. */
export type Timings = Readonly<Record<string, number>>;

const ROUNDS = 5;

/** Draws a caption by all finalists in turns, in an order drawn anew for each, and keeps the medians. */
export async function measureSeconds(
	study: Study,
	runs: readonly StudyRun[],
	out: string,
): Promise<void> {
	const { pipeline, captions } = study;
	const ways = [];
	for (const run of runs)
		for (const { way } of await finalists(study, run)) ways.push(way);
	const taken = new Map(
		ways.map((way) => [JSON.stringify(way), [] as number[]]),
	);
	const generator = mersenneTwister(1n);
	// networks are loaded, and the machine is awake
	await pipeline.generate({ prompt: captions.unseen[0], seed: 0, ...ways[0] });
	await pipeline.generate({ prompt: captions.unseen[0], seed: 0, ...ways[1] });
	for (let round = 0; round < ROUNDS; round++)
		for (const way of shuffled(ways, generator)) {
			const started = performance.now();
			await pipeline.generate({
				prompt: captions.unseen[round % captions.unseen.length],
				seed: round,
				...way,
			});
			taken
				.get(JSON.stringify(way))
				?.push((performance.now() - started) / 1000);
		}
	const timings: Timings = Object.fromEntries(
		[...taken].map(([way, own]) => [way, median(own)]),
	);
	await writeFile(join(out, "seconds.json"), JSON.stringify(timings));
}

export async function readTimings(out: string): Promise<Timings> {
	const text = await readFile(join(out, "seconds.json"), "utf8").catch(
		() => "{}",
	);
	return JSON.parse(text) as Timings;
}
