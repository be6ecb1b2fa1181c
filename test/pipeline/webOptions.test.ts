import { expect, test } from "vitest";
import type { PipelineOptions } from "../../src/pipeline/pipeline.js";
import { pipelineOptions } from "../../src/pipeline/webOptions.js";

test("what a pipeline is told, a pipeline in a browser is told too", () => {
	const told = {
		threads: 2,
		optimization: "all",
		maxRows: 1,
		keepResident: true,
		shareCalls: true,
		inHalves: false,
		tile: 32,
	} satisfies PipelineOptions;
	expect(pipelineOptions({ ...told, keep: false })).toEqual(told);
});
