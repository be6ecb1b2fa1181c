import { expect, test } from "vitest";
import {
	checkComparable,
	parseRunDefinition,
} from "../../src/evaluation/run/runDefinition.js";

function definition(precision?: string) {
	const text = JSON.stringify({
		format: 1,
		protocol: {
			name: "every-image",
			version: 1,
			images: 2,
			reals: 2,
			captions: "0",
			reals_cut: "centre square",
		},
		model: { unet: "1", textEncoder: "2", vae: "3", scheduler: "4", precision },
		image: {
			width: 64,
			height: 64,
			guidanceScale: 5,
			negativePrompt: "",
			rng: "cpu",
		},
		scoring: {},
		methods: [],
	});
	return parseRunDefinition(text, "run.json");
}

test("runs of different precisions are not compared; what says none is of float32", () => {
	expect(() =>
		checkComparable(definition("bfloat16"), definition("float32"), "other"),
	).toThrow(/^other .*model\.precision is "float32" there and "bfloat16" here/);
	expect(() =>
		checkComparable(definition(), definition("float32"), "other"),
	).not.toThrow();
});
