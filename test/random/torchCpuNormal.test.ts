import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { mersenneTwister } from "../../src/random/mersenneTwister.js";
import { torchCpuNormal } from "../../src/random/torchCpuNormal.js";
import { readGolden } from "../goldenFile.js";

// Golden data: test/reference/torch_normals.py (torch's CPU generator).
const golden = readGolden("torch_normals");
const { cases, seeds } = JSON.parse(
	readFileSync(
		new URL("../golden/torch_normals.json", import.meta.url),
		"utf8",
	),
) as {
	cases: { name: string; seed: string; calls: number[] }[];
	seeds: string[];
};

/** As in the script: long requests are stored as their ends and every 97th value between. */
function picked(values: Float32Array): number[] {
	const all = [...values];
	if (all.length <= 200) return all;
	return [
		...all.slice(0, 64),
		...all.slice(64, -64).filter((_, i) => i % 97 === 0),
		...all.slice(-64),
	];
}

test.each(cases)(
	"seed $seed, calls $calls: torch.randn to 1e-6",
	({ name, seed, calls }) => {
		const source = torchCpuNormal(BigInt(seed));
		const actual = calls.flatMap((count) => picked(source.normal(count)));
		const expected = golden.get(name)!.data;
		expect(actual.length).toBe(expected.length);
		for (let i = 0; i < expected.length; i++)
			expect(
				Math.abs(actual[i] - expected[i]),
				`value ${i}`,
			).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(expected[i])));
	},
);

test.each(seeds)("seed %s: the integers of torch's stream", (seed) => {
	const twister = mersenneTwister(BigInt(seed));
	// random_(0, 2^32) draws two integers for each value and keeps the second.
	const drawn = Array.from({ length: 1000 }, () => {
		twister.next();
		return twister.next();
	});
	const at = [0, 1, 2, 311, 312, 313, 623, 624, 999];
	expect(at.map((i) => drawn[i])).toEqual([
		...golden.get(`integers_${seed}`)!.data,
	]);
});

test("a seed counts modulo 2^32", () => {
	expect(torchCpuNormal(2n ** 32n + 5n).normal(20)).toEqual(
		torchCpuNormal(5n).normal(20),
	);
	expect(torchCpuNormal(-1n).normal(20)).toEqual(
		torchCpuNormal(2n ** 32n - 1n).normal(20),
	);
});

test("the integers of MT19937's published reference: the 10,000th of seed 5489", () => {
	const twister = mersenneTwister(5489n);
	let last = 0;
	for (let i = 0; i < 10_000; i++) last = twister.next();
	expect(last).toBe(4123659995);
});
