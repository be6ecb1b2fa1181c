import type { ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Worker } from "bullmq";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseMethods } from "../../src/evaluation/methods/method.js";
import { drawByQueue } from "../../src/evaluation/queue/nodeQueue.js";
import { queueName } from "../../src/evaluation/queue/nodeWorkerKind.js";
import type { QueueJobResult } from "../../src/evaluation/queue/queueJob.js";
import { prepareRun } from "../../src/evaluation/run/nodePrepareRun.js";
import { featureWidth } from "../../src/evaluation/scoring/nodeScorer.js";
import { freePort, hasQueueServer, queueServer } from "./queueServer.js";
import {
	ended,
	recordLines,
	start,
	tinyDataset,
	tinyEvaluation,
	tinyNetworks,
	tinyWorker,
} from "./tinyRun.js";

const folder = mkdtempSync(join(tmpdir(), "fdiff-queue-"));
const dataset = join(folder, "images");
const children: ChildProcess[] = [];
let url = "";

beforeAll(async () => {
	if (!hasQueueServer) return;
	await tinyDataset(dataset);
	const server = await queueServer(folder);
	children.push(server.child);
	url = server.url;
});
afterAll(() => {
	for (const child of children) child.kill("SIGKILL");
	rmSync(folder, { recursive: true, force: true });
});

// workers and collectors that are killed: test/kills

test.skipIf(!hasQueueServer)(
	"captions that failed are named and tried anew; answers and values that are none of ours are passed over",
	async () => {
		const client = new Redis(url, { maxRetriesPerRequest: null });
		const out = join(folder, "failing");
		const words = [
			...["evaluate", "--protocol", "every-image", "--dataset", dataset],
			...["--methods", "ddim-2", "--out", out],
			...tinyNetworks,
			...["--queue", url],
		];
		// what a stranger left in the same place
		await client.hset("fdiff-evaluate-kinds", "no-kind", "not json");
		await client.hset("fdiff-evaluate-kinds", "no-run", '{"model":7}');
		const first = start(words);
		children.push(first);
		const firstEnd = ended(first);
		let name = "";
		while (!name) {
			await delay(50);
			const kinds = await client.hkeys("fdiff-evaluate-kinds");
			name = kinds.find((kind) => kind.startsWith("fdiff-evaluate-")) ?? "";
		}
		const broken = new Worker(
			name,
			async () => {
				throw new Error("no space left\non the worker's disk");
			},
			{ connection: client },
		);
		const { code, errors } = await firstEnd;
		await broken.close();
		expect(code).toBe(1);
		expect(errors).toMatch(
			/workers failed 5 times at 4 captions \(caption \d: no space left; /,
		);
		expect(errors).not.toContain("FDIFF_DEBUG");

		// again: a worker that answers nonsense once for each caption, then good ones
		const second = start(words);
		children.push(second);
		const secondEnd = ended(second);
		let nonsense = 0;
		const foreign = new Worker(
			name,
			async (job) => {
				nonsense++;
				return nonsense === 1 ? { images: "many" } : { index: job.data.index };
			},
			{ connection: client },
		);
		while (nonsense < 4) await delay(20);
		await foreign.close();
		const good = start(tinyWorker(url));
		children.push(good);
		const words2 = ended(good);
		const again = await secondEnd;
		expect(again.code).toBe(0);
		expect(again.errors).not.toMatch(/Zod|\[\n|FDIFF_DEBUG/);
		expect(imageCount(out)).toBe(4);
		good.kill("SIGTERM");
		const worker = await words2;
		expect(worker.code).toBe(0);
		expect(worker.errors).toContain("no-kind holds no kind; left alone");
		expect(worker.errors).not.toMatch(/Zod| {4}at /);
		await client.quit();
	},
	120_000,
);

test.skipIf(!hasQueueServer)(
	"a worker whose model is missing ends at once; one whose server is gone, when it is told to",
	async () => {
		const started = performance.now();
		const missing = await ended(
			start(["worker", "--queue", url, "--model", join(folder, "nowhere")]),
		);
		expect(missing.code).toBe(2);
		expect(missing.errors).toContain("nowhere");
		expect(performance.now() - started).toBeLessThan(20_000);

		const { child: server, url: own } = await queueServer(folder);
		children.push(server);
		const worker = start(tinyWorker(own));
		children.push(worker);
		const end = ended(worker);
		await readiness(worker);
		// and so does the process that collects, which waits for workers of another kind
		const out = join(folder, "deserted");
		const collector = start([
			...[...tinyEvaluation(dataset, out), "--width", "72"],
			...["--model", join(import.meta.dirname, "../models/tiny-sd2")],
			...["--queue", own],
		]);
		children.push(collector);
		const collectorEnd = ended(collector);
		while (!existsSync(join(out, "records", "main.lock"))) await delay(50);
		server.kill("SIGKILL");
		// until the connections that wait have found out too
		await delay(4_000);
		const told = performance.now();
		worker.kill("SIGTERM");
		collector.kill("SIGTERM");
		expect((await end).code).toBe(0);
		expect(await collectorEnd).toMatchObject({
			code: 130,
			errors: expect.stringMatching(/fdiff: interrupted\n$/),
		});
		expect(performance.now() - told).toBeLessThan(15_000);
	},
	60_000,
);

test.skipIf(!hasQueueServer)(
	"where one caption has failed the others are still drawn, whatever a worker answers at first",
	async () => {
		const out = join(folder, "one-fails");
		const model = join(import.meta.dirname, "../models/tiny-sd");
		const run = await prepareRun({
			...{ out, protocol: "every-image", dataset: { folder: dataset } },
			...{ methods: parseMethods("ddim-2"), model, seed: 0, keepImages: 0 },
			modelOptions: { threads: 1 },
			scoring: { clip: join(model, "../tiny-clip"), threads: 1 },
			common: { width: 64, height: 64 },
		});
		const { model: weights, scoring } = run.definition;
		const client = new Redis(url, { maxRetriesPerRequest: null });
		let given = 0;
		let hasFailed = false;
		const worker = new Worker(
			queueName({ model: weights, scoring }),
			async ({ data: { index } }) => {
				if (index === 0) throw new Error("cannot be drawn");
				if (index > 1) return drawn(index, featureWidth(scoring));
				while (!hasFailed) await delay(20);
				return given++ === 0 ? "nonsense" : drawn(1, featureWidth(scoring));
			},
			{ connection: client, concurrency: 4 },
		);
		worker.on("failed", async (job) => {
			if ((await job?.isFailed()) !== true) return;
			// until the collector has seen it
			await delay(1_000);
			hasFailed = true;
		});
		await expect(drawByQueue(run, { url })).rejects.toThrow(
			/failed 5 times at 1 caption \(caption 0: cannot be drawn\)/,
		);
		expect(given).toBe(2);
		expect(imageCount(out)).toBe(3);
		await worker.close();
		await run.release();
		await client.quit();
	},
	60_000,
);

/** What a worker answers of a caption. */
function drawn(index: number, width: number): QueueJobResult {
	const cost = {
		...{ seconds: 1, denoisingSeconds: 1, networkSeconds: 1 },
		...{ decodingSeconds: 1, flops: 1, encoderRuns: 1, evaluations: 1 },
	};
	const words = { processor: "", platform: "", device: "cpu", node: "" };
	return {
		machine: {
			...{ kind: "machine", id: "m", cores: 1, memory: 1, ...words },
			...{ runtime: "", program: "" },
		},
		images: [
			{
				record: {
					...{ kind: "image", method: "ddim-2", index, pixels: "0", cost },
					...{ machine: "m", peakMemory: 1 },
				},
				features: Buffer.alloc(4 * width).toString("base64"),
			},
		],
	};
}

test.skipIf(!hasQueueServer)(
	"an address without a server is named",
	async () => {
		const { code, errors } = await ended(
			start(tinyWorker(`redis://127.0.0.1:${await freePort()}`)),
		);
		expect(code).toBe(1);
		expect(errors).toMatch(/no Redis or Valkey server at 127.0.0.1/);
	},
);

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
