import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { afterEach, expect, test } from "vitest";
import { accumulateStatistics } from "../../src/metrics/featureStatistics.js";
import type { Features } from "../../src/metrics/features.js";
import { frechetHere } from "../../src/metrics/frechetWork.js";
import { mersenneTwister } from "../../src/random/mersenneTwister.js";

// as it is shipped: a thread runs JavaScript
const built = join(
	import.meta.dirname,
	"../../dist/metrics/nodeFrechetThread.js",
);
const { frechetThread } = (await import(
	pathToFileURL(built).href
)) as typeof import("../../src/metrics/nodeFrechetThread.js");

const opened: { release(): Promise<void> }[] = [];
afterEach(async () => {
	for (const thread of opened.splice(0)) await thread.release();
});
const open = (signal?: AbortSignal) => {
	const thread = frechetThread(signal);
	opened.push(thread);
	return thread;
};

function made(seed: bigint, count: number, width: number): Features {
	const { next } = mersenneTwister(seed);
	const data = Float32Array.from(
		{ length: count * width },
		() => next() / 2 ** 32,
	);
	return { count, width, data };
}

function statistics({ width, data }: Features) {
	const accumulator = accumulateStatistics(width);
	accumulator.add(data);
	return accumulator.statistics();
}

test("the thread's distances and replicates are those of the caller's thread, told group by group, while timers go on", async () => {
	const thread = open();
	const [first, second] = [made(1n, 500, 300), made(2n, 400, 300)];
	const [ours, reals] = [statistics(first), statistics(second)];
	let ticks = 0;
	const timer = setInterval(() => ticks++, 5);
	const groups: number[] = [];
	// asked for at once, answered in order
	const [distance, replicates] = await Promise.all([
		thread.distance(ours, reals),
		thread
			.factor(reals)
			.then((factored) =>
				thread.jackknife(first, 20, factored, (group) => groups.push(group)),
			),
	]);
	clearInterval(timer);
	expect(ticks).toBeGreaterThan(10);
	expect(groups).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
	expect(distance).toEqual(await frechetHere.distance(ours, reals));
	expect(replicates).toEqual(
		await frechetHere.jackknife(first, 20, await frechetHere.factor(reals)),
	);
});

test("an abort ends a computation of many seconds at once", async () => {
	const abort = new AbortController();
	const thread = open(abort.signal);
	const features = made(3n, 1200, 1000);
	const factored = await thread.factor(statistics(features));
	const work = thread.jackknife(features, 20, factored);
	await delay(200);
	const reason = new DOMException("interrupted", "AbortError");
	const asked = performance.now();
	abort.abort(reason);
	await expect(work).rejects.toBe(reason);
	await thread.release();
	expect(performance.now() - asked).toBeLessThan(1000);
});

test("what is wrong with the features is the same UserError", async () => {
	const thread = open();
	await expect(
		thread.distance(statistics(made(1n, 5, 3)), statistics(made(1n, 5, 4))),
	).rejects.toMatchObject({
		code: "failed",
		message: expect.stringContaining("3 and of 4 values"),
	});
});
