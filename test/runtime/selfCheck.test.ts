import { expect, test } from "vitest";
import type { Engine } from "../../src/runtime/engine.js";
import {
	checkedParts,
	selfCheck,
	wrongLayers,
} from "../../src/runtime/selfCheck/selfCheck.js";
import { testEngine } from "./testEngine.js";

test("an engine that computes right passes, in every way that graphs are written", async () => {
	for (const part of checkedParts)
		for (const flavour of [
			{},
			{ attention: "plain", linearWeights: "transposed", upsampling: "plain" },
			{ sinusoids: "input", convolution: "winograd" },
		] as const) {
			const engine = {
				...testEngine,
				flavour: () => ({ ...testEngine.flavour(), ...flavour }),
			};
			expect((await selfCheck(engine, part)).wrong).toEqual([]);
		}
});

test("what an engine computes wrongly is named", async () => {
	const engine: Pick<Engine, "flavour" | "createSession"> = {
		flavour: testEngine.flavour,
		async createSession(graph, options) {
			const session = await testEngine.createSession(graph, options);
			return {
				...session,
				async run(inputs) {
					const outputs = await session.run(inputs);
					const norm = outputs["group norm"].data;
					norm.set(norm.map((value) => value * 1.01));
					outputs.gelu.data.fill(Number.NaN);
					return outputs;
				},
			};
		},
	};
	const check = await selfCheck(engine, "other layers");
	expect(check.wrong.map(({ family }) => family)).toEqual([
		"group norm",
		"gelu",
	]);
	expect(wrongLayers(check)).toBe(
		"group norm (off by 0.01), gelu (off by NaN)",
	);
	expect(wrongLayers({ wrong: [] })).toBe("");
});
