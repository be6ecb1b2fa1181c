import type { ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { mersenneTwister } from "../../src/random/mersenneTwister.js";
import {
	emptyFolder,
	fdiff,
	listing,
	root,
	tinySd,
} from "../cli/runProgram.js";
import { hasQueueServer, queueServer } from "../evaluation/queueServer.js";
import {
	recordLines,
	resultsOf,
	tinyDataset,
	tinyEvaluation,
	tinyWorker,
} from "../evaluation/tinyRun.js";
import { sha256, startHub } from "../weights/hub/hubServer.js";

// kill -9 at random moments: nothing is lost, doubled, half-written or left over. `npm run kill-test` does more of them.
const kills = Math.max(4, Number(process.env.KILLS ?? 8));
const seed = BigInt(process.env.KILL_SEED ?? Date.now() % 1_000_000);
const each = Math.ceil(kills / 4);
const patience = 60_000 + 15_000 * each;
const generator = mersenneTwister(seed);
const random = () => generator.next() / 2 ** 32;
console.log(`${4 * each} kills, seed ${seed}`);

const running: ChildProcess[] = [];
afterAll(() => {
	for (const child of running) child.kill("SIGKILL");
});

type Environment = Record<string, string>;

/** Runs the program to its end, which must be a good one; how long it took, in milliseconds. */
async function whole(words: string[], environment: Environment = {}) {
	const started = performance.now();
	const { code, stderr } = await fdiff(words, root, undefined, environment);
	expect(stderr).not.toContain("fdiff:");
	expect(code).toBe(0);
	return performance.now() - started;
}

/** Runs the program and kills it after some milliseconds, or when something has come; whether it was still there. */
async function killed(
	words: string[],
	moment: number | Promise<unknown>,
	environment: Environment = {},
): Promise<boolean> {
	const { code } = await fdiff(
		words,
		root,
		(child) =>
			void (typeof moment === "number" ? delay(moment) : moment).then(() =>
				child.kill("SIGKILL"),
			),
		environment,
	);
	return code === null;
}

/** Files below a folder with the SHA-256 of their bytes. */
const contents = (folder: string) =>
	Object.fromEntries(
		listing(folder)
			.filter((name) => statSync(join(folder, name)).isFile())
			.map((name) => [name, sha256(readFileSync(join(folder, name)))]),
	);

/** Every file with one of these ends is one of the reference's, byte for byte. */
function expectWhole(folder: string, reference: string, end: string): void {
	if (!existsSync(folder)) return;
	const right = contents(reference);
	for (const [name, hash] of Object.entries(contents(folder)))
		if (name.endsWith(end)) expect([name, hash]).toEqual([name, right[name]]);
}

function expectSameRun(out: string, reference: string): void {
	expect(resultsOf(out)).toEqual(resultsOf(reference));
	expectWhole(out, reference, ".png");
	const images = recordLines(out).filter((line) => line.includes('"image"'));
	expect(new Set(images.map((line) => line.slice(9))).size).toBe(16);
	expect(images.length).toBe(16);
	const names = (folder: string) =>
		listing(folder).filter((name) => name !== "queue-id");
	expect(names(out)).toEqual(names(reference));
}

test("fdiff evaluate", { timeout: patience }, async () => {
	const folder = emptyFolder();
	const [dataset, alone, out] = ["images", "alone", "out"].map((name) =>
		join(folder, name),
	);
	await tinyDataset(dataset);
	const takes = await whole(tinyEvaluation(dataset, alone));
	let kills = 0;
	for (let kill = 0; kill < each; kill++) {
		if (await killed(tinyEvaluation(dataset, out), random() * takes)) kills++;
		expectWhole(out, alone, ".png");
	}
	// a little after it has written something
	for (let kill = 0; kill < each && linesOf(out) < linesOf(alone); kill++) {
		const moment = writes(out).then(() => delay(40 * random()));
		if (await killed(tinyEvaluation(dataset, out), moment)) kills++;
		expectWhole(out, alone, ".png");
	}
	expect(kills).toBeGreaterThanOrEqual(each);
	await whole(tinyEvaluation(dataset, out));
	expectSameRun(out, alone);
});

function linesOf(out: string): number {
	return existsSync(join(out, "records")) ? recordLines(out).length : 0;
}

/** Waits until a run has recorded one thing more. */
async function writes(out: string): Promise<void> {
	const before = linesOf(out);
	const patience = performance.now() + 30_000;
	while (linesOf(out) <= before && performance.now() < patience) await delay(5);
}

test("fdiff into a folder", { timeout: patience }, async () => {
	const folder = emptyFolder();
	const words = (out: string) => [
		...["a red apple", "--model", tinySd, "--width", "64", "--height", "64"],
		...["--steps", "2", "--num-images", "8", "--batch-size", "1"],
		...["--seed", "1", "--output", `${join(folder, out)}/`, "--quiet"],
	];
	const takes = await whole(words("alone"));
	const [alone, out] = [join(folder, "alone"), join(folder, "out")];
	for (let kill = 0; kill < each; kill++) {
		await killed(words("out"), random() * takes);
		expectWhole(out, alone, ".png");
	}
	await whole(words("out"));
	expect(contents(out)).toEqual(contents(alone));
});

test("fdiff models pull", { timeout: patience }, async () => {
	const files = listing(tinySd).filter((name) =>
		statSync(join(tinySd, name)).isFile(),
	);
	const repo = "someone/tiny-sd";
	const hub = await startHub(
		repo,
		new Map(
			files.map((name) => [
				name,
				new Uint8Array(readFileSync(join(tinySd, name))),
			]),
		),
	);
	try {
		const folder = emptyFolder();
		const cache = (name: string) => ({
			HF_ENDPOINT: hub.endpoint,
			HF_HUB_CACHE: join(folder, name),
			HF_HUB_OFFLINE: "0",
		});
		const words = ["models", "pull", repo, "--quiet"];
		const takes = await whole(words, cache("alone"));
		const [alone, out] = [join(folder, "alone"), join(folder, "out")];
		for (let kill = 0; kill < each; kill++) {
			// the second half of the moments would find the files there: some break off on the way
			const stallAfter = Math.floor(random() * 900_000);
			hub.fault = ({ server }) =>
				server === "cdn" && kill % 2 === 0 ? { stallAfter } : undefined;
			await killed(words, random() * takes, cache("out"));
			expectWhole(out, alone, ".safetensors");
			expectWhole(out, alone, ".json");
		}
		hub.fault = () => undefined;
		await whole(words, cache("out"));
		expect(contents(out)).toEqual(contents(alone));
	} finally {
		await hub.close();
	}
});

test.skipIf(!hasQueueServer)(
	"fdiff evaluate --queue and its workers",
	{ timeout: patience },
	async () => {
		const folder = emptyFolder();
		const [dataset, alone, out] = ["images", "alone", "out"].map((name) =>
			join(folder, name),
		);
		await tinyDataset(dataset);
		const takes = await whole(tinyEvaluation(dataset, alone));
		mkdirSync(join(folder, "redis"));
		const server = await queueServer(join(folder, "redis"));
		running.push(server.child);
		const words = [...tinyEvaluation(dataset, out), "--queue", server.url];
		const start = (what: string[]) => {
			let child: ChildProcess | undefined;
			const end = fdiff(what, root, (started) => {
				child = started;
				running.push(started);
			});
			return { end, kill: () => child?.kill("SIGKILL") };
		};
		const work = () => start(tinyWorker(server.url));
		let collector = start(words);
		let workers = [work(), work()];
		const kills = [
			async () => {
				workers[0].kill();
				await workers[0].end;
				workers = [workers[1], work()];
			},
			async () => {
				collector.kill();
				await collector.end;
				collector = start(words);
			},
		];
		// first when there is work under way
		await writes(out);
		for (let kill = 0; kill < each; kill++) {
			if (kill > 0) await delay(random() * takes);
			await kills[kill === 0 ? 0 : Math.floor(2 * random())]();
			expectWhole(out, alone, ".png");
		}
		const { code, stderr } = await collector.end;
		expect(stderr).not.toContain("fdiff:");
		expect(code).toBe(0);
		for (const worker of workers) worker.kill();
		expectSameRun(out, alone);
	},
);
