import { fromBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { expect, test } from "vitest";
import { encodeModel } from "../../src/graph/onnxModel.js";

/** A model with whatever graphs use of the format, read by a reader that was made from ONNX's own definition. */
test("a model is written as ONNX defines it", () => {
	const attributes = {
		whole: -3n,
		share: 0.5,
		word: "déjà",
		wholes: [1n, 2n ** 40n, -1n],
		shares: [0.25, -2],
	};
	const model = fromBinary(
		ModelProtoSchema,
		encodeModel(
			{
				irVersion: 10n,
				operatorSets: { "": 21n, "com.microsoft": 1n },
				nodes: [
					{
						name: "n",
						operator: "Conv",
						domain: "com.microsoft",
						inputs: ["x", "", "w"],
						outputs: ["y"],
						attributes,
					},
				],
				initializers: [
					{
						name: "w",
						dims: [2, 0, 300],
						type: 1,
						data: Uint8Array.of(1, 200),
					},
					{
						name: "v",
						dims: [],
						type: 10,
						data: { file: "a", offset: 2n ** 33n, length: 4n },
					},
				],
				inputs: [{ name: "x", type: 6, axes: ["batch", 4] }],
				outputs: [{ name: "y", type: 1 }],
			},
			(file, offset) => ({ location: `${file}.safetensors`, offset }),
		),
	);
	expect(model).toMatchObject({
		irVersion: 10n,
		producerName: "faster-diffusion",
		opsetImport: [
			{ domain: "", version: 21n },
			{ domain: "com.microsoft", version: 1n },
		],
		graph: {
			name: "network",
			node: [
				{
					name: "n",
					opType: "Conv",
					domain: "com.microsoft",
					input: ["x", "", "w"],
					output: ["y"],
					attribute: [
						{ name: "whole", type: 2, i: -3n },
						{ name: "share", type: 1, f: 0.5 },
						{ name: "word", type: 3, s: new TextEncoder().encode("déjà") },
						{ name: "wholes", type: 7, ints: [1n, 2n ** 40n, -1n] },
						{ name: "shares", type: 6, floats: [0.25, -2] },
					],
				},
			],
			initializer: [
				{
					name: "w",
					dims: [2n, 0n, 300n],
					dataType: 1,
					rawData: Uint8Array.of(1, 200),
					dataLocation: 0,
				},
				{
					name: "v",
					dims: [],
					dataType: 10,
					dataLocation: 1,
					externalData: [
						{ key: "location", value: "a.safetensors" },
						{ key: "offset", value: "8589934592" },
						{ key: "length", value: "4" },
					],
				},
			],
			input: [
				{
					name: "x",
					type: {
						value: {
							case: "tensorType",
							value: {
								elemType: 6,
								shape: {
									dim: [
										{ value: { case: "dimParam", value: "batch" } },
										{ value: { case: "dimValue", value: 4n } },
									],
								},
							},
						},
					},
				},
			],
			output: [{ name: "y" }],
		},
	});
});
