import { expect, test } from "vitest";
import {
	nextState,
	painted,
	refitted,
	statesOfWords,
	wordsOfStates,
} from "../../../web/src/timeline/planEditing.js";

test("words say states, beside accelerators and grids", () => {
	expect(statesOfWords("uniform:2", 4)).toEqual([
		"full",
		"decoder",
		"full",
		"decoder",
	]);
	expect(statesOfWords("uniform:2+tome:0.5", 2)).toEqual(["full", "decoder"]);
	expect(statesOfWords("full,outer:2:kept@1:log-snr", 2)).toEqual([
		"full",
		"outer:2:kept",
	]);
	// these are for the source to say
	expect(statesOfWords("auto", 4)).toBeUndefined();
	expect(statesOfWords("0,9", 4)).toBeUndefined();
});

test("states are said by the shortest words, and others beside them stay", () => {
	const says = (words: string, before?: string) =>
		wordsOfStates(words.split(","), before);
	expect(says("full,full,full")).toBe("all");
	expect(says("full,decoder,full,decoder")).toBe("uniform:2");
	expect(says("full,decoder,full,full")).toBe("0,2,3");
	expect(says("full,outer:1,nothing:0")).toBe("full,outer:1,nothing:0");
	expect(says("full,full", "uniform:2+tome:0.5")).toBe("all+tome:0.5");
	expect(says("full,decoder,full", "full,full,full@1:log-snr")).toBe(
		"uniform:2",
	);
});

test("the first step stays full", () => {
	const states = ["full", "full", "full"];
	expect(painted(states, 1, "decoder")).toEqual(["full", "decoder", "full"]);
	expect(painted(states, 0, "decoder")).toEqual(states);
	expect(painted(states, 3, "decoder")).toEqual(states);
});

test("a plan keeps its shape over another number of steps", () => {
	expect(refitted(["full", "full", "decoder", "decoder"], 8).join()).toBe(
		"full,full,full,full,decoder,decoder,decoder,decoder",
	);
	expect(refitted(["full", "decoder", "nothing:0"], 2)).toEqual([
		"full",
		"nothing:0",
	]);
	expect(refitted(["full", "decoder"], 1)).toEqual(["full"]);
});

test("the space bar goes through all kinds of steps", () => {
	let state = "full";
	const seen = Array.from({ length: 4 }, () => {
		state = nextState(state);
		return state;
	});
	expect(seen).toEqual(["decoder", "outer:1", "nothing:0", "full"]);
});
