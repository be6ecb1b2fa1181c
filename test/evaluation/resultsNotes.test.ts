import { expect, test } from "vitest";
import type { Results } from "../../src/evaluation/results/results.js";
import { resultsNotes } from "../../src/evaluation/results/resultsNotes.js";

test("the largest memory is one process's, and not said of every machine", () => {
	const machines = ["a", "b"].map((id) => ({ id, memory: 2 ** 30 }));
	const notes = resultsNotes({
		machines,
		peakMemory: 7 * 2 ** 20,
		definition: { protocol: { captions: "" }, image: {}, model: {} },
		...{ measures: {}, methods: [], warnings: [], brokenReals: [] },
	} as unknown as Results);
	expect(notes.filter((note) => /Machine [ab]:/.test(note))).toHaveLength(2);
	expect(notes.filter((note) => note.includes("7 MiB"))).toEqual([
		"Peak memory of a process: 7 MiB.",
	]);
});
