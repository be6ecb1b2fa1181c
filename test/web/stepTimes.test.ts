import { expect, test } from "vitest";
import type { ShownPicture } from "../../web/src/state/shownPicture.js";
import { stepTimes } from "../../web/src/state/stepTimes.js";

const options = { width: 64, height: 64, guidanceScale: 5 };
const run = (stepStates: readonly string[], stepSeconds: readonly number[]) =>
	({
		options,
		model: { label: "tiny", hash: "0" },
		stepStates,
		stepSeconds,
	}) as unknown as ShownPicture;

test("what steps take is the median of what they took, for runs of the same size and guidance", () => {
	const times = stepTimes();
	times.learn(run(["full", "full", "decoder", "decoder"], [9, 2, 1, 1]));
	expect(times.costs(options, "tiny", ["full"])).toBeUndefined();
	times.learn(run(["full", "decoder"], [2, 1.5]));
	expect(times.costs(options, "tiny", ["full", "decoder"])).toEqual({
		full: 2,
		decoder: 1,
	});
	expect(times.costs(options, "tiny", ["full", "outer:1"])).toBeUndefined();
	expect(times.costs({ ...options, width: 128 }, "tiny", [])).toBeUndefined();
	expect(times.costs(options, "other", [])).toBeUndefined();
});
