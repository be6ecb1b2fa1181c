import { expect, test } from "vitest";
import { cudaNormal } from "../../src/random/cudaNormal.js";
import { philox } from "../../src/random/philox.js";

test.each([
	// Random123's known-answer file (kat_vectors, philox4x32 with 10 rounds): counter, key, result.
	{
		counter: [0, 0, 0, 0],
		key: [0, 0],
		result: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
	},
	{
		counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
		key: [0xffffffff, 0xffffffff],
		result: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
	},
	{
		counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
		key: [0xa4093822, 0x299f31d0],
		result: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
	},
])("Philox4x32-10 of $counter", ({ counter, key, result }) => {
	const block = Uint32Array.from(counter);
	philox(block, key[0], key[1]);
	expect([...block]).toEqual(result);
});

/** Every value to the digits that were printed. */
function expectPrinted(
	actual: ArrayLike<number>,
	printed: number[],
	tolerance = 0.6e-4,
) {
	expect(actual.length).toBe(printed.length);
	for (let i = 0; i < printed.length; i++)
		expect(Math.abs(actual[i] - printed[i]), `value ${i}`).toBeLessThan(
			tolerance,
		);
}

test("seed 0: the values that A1111 documents for its imitation of CUDA", () => {
	expectPrinted(
		cudaNormal(0n).normal(12),
		[
			-0.92466259, -0.42534415, -2.6438457, 0.14518388, -0.12086647,
			-0.57972564, -0.62285122, -0.32838709, -1.07454231, -0.36314407,
			-1.67105067, 2.26550497,
		],
		1e-6,
	);
});

test("seed 0, 64 values: torch.randn(8, 8, device='cuda') as printed by torch", () => {
	const values = cudaNormal(0n).normal(64);
	expectPrinted(
		values.subarray(12, 32),
		[
			0.3117, -0.1842, 1.2866, 1.182, -0.1271, 1.2169, 1.4353, 1.0605, -0.4941,
			-1.4244, -0.7244, -1.2973, 0.0697, -0.0074, 1.8969, 0.6878, -0.0779,
			-0.8373, 1.3506, -0.2879,
		],
	);
	expectPrinted(
		values.subarray(56),
		[-0.5499, -0.3231, -0.5469, 0.9049, 0.2837, 0.121, 0.473, -1.0823],
	);
});

test("seed 42: successive calls advance the offset as on a GPU", () => {
	const source = cudaNormal(42n);
	for (const printed of [
		[0.194, 2.1614, -0.1721, 0.8491],
		[0.1391, -0.1082, -0.7174, 0.7566],
		[-0.5187, 1.2268, 0.6255, -0.9117],
		[-0.6974, -1.8688, -0.8832, -1.6627],
		[-1.2682, -0.0383, -0.1029, 1.44],
		[1.464, -0.3238, 0.774, 1.5892],
	])
		expectPrinted(source.normal(4), printed);
});

test("seed 42, [1, 64, 2048]: the start and the end of rows as printed by torch (issue 158398)", () => {
	const values = cudaNormal(42n).normal(64 * 2048);
	expectPrinted(
		[2045, 2046, 2047, 2048, 2049, 2050].map((i) => values[i]),
		[1.454, -2.7733, -0.8932, -0.4574, 0.8063, 0.158],
	);
});

test.each([
	{ gpu: "H100", threads: 132 * 2048, printed: [-0.697, -0.778, 0.3267] },
	{ gpu: "A100", threads: 108 * 2048, printed: [0.1549, -0.6797, -0.1656] },
])(
	"seed 1: a request larger than the $gpu ends as there (torch issue 143086)",
	({ threads, printed }) => {
		const values = cudaNormal(1n, { threads }).normal(49 * 12 * 112 * 144);
		expectPrinted(values.subarray(0, 3), [-0.2963, 2.6764, -0.1408]);
		expectPrinted(values.subarray(-3), printed);
	},
);

test("the upper half of a seed counts", () => {
	expect(cudaNormal(2n ** 32n).normal(8)).not.toEqual(cudaNormal(0n).normal(8));
	expect(cudaNormal(-1n).normal(8)).toEqual(
		cudaNormal(2n ** 64n - 1n).normal(8),
	);
});

test("values outgrowing the thread limit continue a shorter request", () => {
	const limited = cudaNormal(5n, { threads: 256 }).normal(2000);
	expect([...limited.subarray(0, 256)]).toEqual([
		...cudaNormal(5n).normal(256),
	]);
	expect(limited.every(Number.isFinite)).toBe(true);
	expect(new Set(limited).size).toBeGreaterThan(1990);
});
