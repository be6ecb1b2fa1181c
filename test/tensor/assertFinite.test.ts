import { describe, expect, test } from "vitest";
import { assertFinite, notFiniteAt } from "../../src/tensor/assertFinite.js";
import { tensor } from "../../src/tensor/tensor.js";

describe("assertFinite", () => {
	test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
		"says where the first %d is",
		(value) => {
			const wrong = tensor([2, 3, 4]);
			wrong.data[17] = value;
			wrong.data[20] = value;
			expect(() => assertFinite("latents", wrong, "look")).toThrow(
				`latents: ${value} at [1, 1, 1] of [2, 3, 4]; look`,
			);
			expect(() => assertFinite("latents", wrong)).toThrow(
				expect.objectContaining({ code: "not_finite" }),
			);
		},
	);

	test("lets every finite number through, the largest too", () => {
		const largest = 3.4028234663852886e38;
		const fine = tensor([4], Float32Array.of(largest, -largest, 1.4e-45, -0));
		expect(() => assertFinite("x", fine)).not.toThrow();
		expect(notFiniteAt(new Float32Array(0))).toBe(-1);
	});
});
