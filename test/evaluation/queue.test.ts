import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { compiled } from "./compiled.js";
import {
	ended,
	recordLines,
	resultsOf,
	start,
	tinyDataset,
	tinyEvaluation,
	tinyWorker,
} from "./tinyRun.js";

/** A real server is needed: Debian's valkey-server or redis-server, which CI installs. */
const binary = ["valkey-server", "redis-server"].find(
	(name) => spawnSync(name, ["--version"]).status === 0,
);
if (!binary)
	console.warn(
		"queue.test.ts is skipped: neither valkey-server nor redis-server is installed",
	);

const folder = mkdtempSync(join(tmpdir(), "fdiff-queue-"));
const dataset = join(folder, "images");
const children: ChildProcess[] = [];
let program = "";
let url = "";

beforeAll(async () => {
	if (!binary) return;
	program = compiled();
	await tinyDataset(dataset);
	const port = await freePort();
	url = `redis://127.0.0.1:${port}`;
	children.push(
		spawn(
			binary,
			[
				...["--port", String(port), "--bind", "127.0.0.1"],
				...["--dir", folder, "--save", "", "--appendonly", "no"],
			],
			{ stdio: "ignore" },
		),
	);
	const client = new Redis(url);
	client.on("error", () => {});
	await client.ping();
	client.disconnect();
});
afterAll(() => {
	for (const child of children) child.kill("SIGKILL");
	rmSync(folder, { recursive: true, force: true });
});

test.skipIf(!binary)(
	"workers that are killed at random lose nothing: the results are those of one machine",
	async () => {
		const alone = await ended(
			start(program, tinyEvaluation(dataset, join(folder, "alone"))),
		);
		expect(alone).toEqual({ code: 0, errors: "" });

		const out = join(folder, "queued");
		const words = [...tinyEvaluation(dataset, out), "--queue", url];
		const work = () => {
			const child = start(program, tinyWorker(url));
			children.push(child);
			return child;
		};
		let workers = [work(), work()];
		let coordinator = start(program, words);
		children.push(coordinator);
		let finished = ended(coordinator);
		const replaceFirst = () => {
			workers[0].kill("SIGKILL");
			workers = [workers[1], work()];
		};
		// every caption brings an image by each of four methods at once
		while (imageCount(out) < 4) await delay(20);
		expect(imageCount(out)).toBeLessThan(16);
		replaceFirst();
		await delay(Math.random() * 500);
		// a worker, and the process that collects
		replaceFirst();
		coordinator.kill("SIGKILL");
		await finished;
		await delay(Math.random() * 1000);
		coordinator = start(program, words);
		children.push(coordinator);
		finished = ended(coordinator);
		await delay(Math.random() * 3000);
		replaceFirst();
		const { code, errors } = await finished;
		expect(errors).toBe("");
		expect(code).toBe(0);
		expect(resultsOf(out)).toEqual(resultsOf(join(folder, "alone")));
		expect(imageCount(out)).toBe(16);

		// asked to stop, a worker leaves in order (the others may be too young to listen)
		const last = work();
		const leaving = ended(last);
		await readiness(last);
		last.kill("SIGTERM");
		expect((await leaving).code).toBe(0);
	},
	300_000,
);

test.skipIf(!binary)("an address without a server is named", async () => {
	const { code, errors } = await ended(
		start(program, tinyWorker(`redis://127.0.0.1:${await freePort()}`)),
	);
	expect(code).toBe(1);
	expect(errors).toMatch(/--queue: no Redis or Valkey server at 127.0.0.1/);
});

function freePort(): Promise<number> {
	return new Promise((resolve, reject) => {
		const server = createServer();
		server.on("error", reject);
		server.listen(0, "127.0.0.1", () => {
			const address = server.address();
			server.close(() =>
				resolve(typeof address === "object" && address ? address.port : 0),
			);
		});
	});
}

/** Waits until a worker says that it takes captions. */
async function readiness(worker: ChildProcess): Promise<void> {
	await new Promise<void>((resolve, reject) => {
		let said = "";
		worker.stderr?.on("data", (text: Buffer) => {
			said += text.toString();
			if (said.includes(": ready")) resolve();
		});
		worker.on("close", () => reject(new Error(`the worker ended: ${said}`)));
	});
}

function imageCount(out: string): number {
	return existsSync(join(out, "records"))
		? recordLines(out).filter((line) => line.includes('"kind":"image"')).length
		: 0;
}
