import { describe, expect, test } from "vitest";
import { UserError } from "../../src/errors/userError.js";
import { parseClipTextConfig } from "../../src/models/clipConfig.js";
import { buildClipText } from "../../src/models/clipText.js";
import { intRows } from "../../src/runtime/session.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import type { Weights } from "../../src/weights/formats/weights.js";
import { relativeError } from "../goldenFile.js";
import { goldenNetwork, runGraph, testModel } from "./networkTest.js";

const dims = { batch: 2, tokens: 77 };

function ids({ dims: shape, data }: Tensor) {
	return { input_ids: { dims: shape, data: Int32Array.from(data) } };
}

describe.each(["tiny-sd", "tiny-sd2"])("%s against transformers", (name) => {
	test("states of every clip skip, and the pooled output", async () => {
		const { text_encoder: textEncoder } = await testModel(name);
		const config = parseClipTextConfig(textEncoder.config);
		const golden = goldenNetwork(name, "text/");
		const skips = Object.keys(golden).filter((key) => key.includes("skip"));
		expect(skips.length).toBeGreaterThan(0);
		for (const [clipSkip, key] of ["last_hidden_state", ...skips].entries()) {
			const graph = buildClipText(
				config,
				textEncoder.weights,
				{ clipSkip, pooled: true },
				dims,
			);
			const { hidden_states, pooled } = await runGraph(
				graph,
				ids(golden.input_ids),
			);
			expect(hidden_states.dims).toEqual(golden[key].dims);
			expect(relativeError(hidden_states.data, golden[key].data)).toBeLessThan(
				1e-5,
			);
			expect(pooled.dims).toEqual(golden.pooled.dims);
			expect(relativeError(pooled.data, golden.pooled.data)).toBeLessThan(1e-5);
		}
	});
});

test("without the text_model. prefix, and pooled at the first end token that the config names", async () => {
	const { text_encoder: textEncoder } = await testModel("tiny-sd");
	const golden = goldenNetwork("tiny-sd", "text/");
	const { tensors } = textEncoder.weights;
	const weights: Weights = {
		...textEncoder.weights,
		tensors: new Map(
			[...tensors].map(([key, entry]) => [
				key.replace(/^text_model\./, ""),
				entry,
			]),
		),
	};
	expect([...weights.tensors.keys()]).not.toEqual([...tensors.keys()]);
	// the tokenizer's end token is the last of the vocabulary, though the file says 2
	const config = {
		...parseClipTextConfig(textEncoder.config),
		endToken: Math.max(...golden.input_ids.data),
	};
	const graph = buildClipText(config, weights, { pooled: true }, dims);
	const { pooled } = await runGraph(graph, ids(golden.input_ids));
	expect(relativeError(pooled.data, golden.pooled.data)).toBeLessThan(1e-5);
});

test("a state depends on the tokens before it only, and any number of tokens will do", async () => {
	const { text_encoder: textEncoder } = await testModel("tiny-sd2");
	const config = parseClipTextConfig(textEncoder.config);
	const graph = buildClipText(config, textEncoder.weights, {}, dims);
	const long = await runGraph(graph, { input_ids: intRows([[5, 9, 7, 3, 8]]) });
	const short = await runGraph(graph, { input_ids: intRows([[5, 9, 7]]) });
	expect(short.hidden_states.dims).toEqual([1, 3, config.features]);
	expect(
		relativeError(
			short.hidden_states.data,
			long.hidden_states.data.subarray(0, 3 * config.features),
		),
	).toBeLessThan(1e-5);
});

test("faults name the key or the tensor", async () => {
	const { text_encoder: textEncoder } = await testModel("tiny-sd");
	const parse = (change: object) => () =>
		parseClipTextConfig({ ...(textEncoder.config as object), ...change });
	expect(parse({ hidden_act: "tanh" })).toThrow(/hidden_act is "tanh"/);
	expect(parse({ num_attention_heads: 5 })).toThrow(/not divisible/);
	expect(parse({ hidden_size: "big" })).toThrow(UserError);
	expect(() => parseClipTextConfig([])).toThrow(UserError);
	const config = parse({ vocab_size: 641 })();
	expect(() => buildClipText(config, textEncoder.weights, {}, dims)).toThrow(
		/token_embedding.weight has shape \[640, 32\].*\[641, 32\]/,
	);
	expect(() =>
		buildClipText(parse({})(), textEncoder.weights, { projection: true }, dims),
	).toThrow(/text_projection.weight is missing/);
	expect(() =>
		buildClipText(parse({})(), textEncoder.weights, { clipSkip: 3 }, dims),
	).toThrow(RangeError);
});
