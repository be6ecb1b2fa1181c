import type { ChildProcess } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { encodeImage } from "../../src/image/nodeEncodeImage.js";
import { decodeImage } from "../../src/image/nodeImageFile.js";
import { rgbImage } from "../../src/image/rgbImage.js";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import { drawLocally } from "../../src/server/drawLocally.js";
import { modelShelf } from "../../src/server/models.js";
import { runServeWorker } from "../../src/server/workers/serveWorker.js";
import { emptyFolder, tinySd } from "../cli/runProgram.js";
import { hasQueueServer, queueServer } from "../evaluation/queueServer.js";
import { ended, start } from "../evaluation/tinyRun.js";
import {
	long,
	MODEL,
	quick,
	startServer as startOwnServer,
} from "./startServer.js";

const folder = emptyFolder();
const ALICE = "alice-0123456789abcdef";
const BOB = "bob-0123456789abcdef";
const alice = { authorization: `Bearer ${ALICE}` };
const children: ChildProcess[] = [];
let url = "";
let client: Redis;
beforeAll(async () => {
	if (!hasQueueServer) return;
	const server = await queueServer(folder);
	children.push(server.child);
	url = server.url;
	client = new Redis(url, { maxRetriesPerRequest: null });
	client.on("error", () => {});
});
afterAll(() => {
	client?.disconnect();
	for (const child of children) child.kill("SIGKILL");
});

// one for all servers and one for all workers of this process
const serversPipeline = await loadPipeline(tinySd, { threads: 1 });
const workersPipeline = await loadPipeline(tinySd, { threads: 1 });
afterAll(async () => {
	await serversPipeline.release();
	await workersPipeline.release();
});
const startServer: typeof startOwnServer = (options) =>
	startOwnServer({ pipeline: serversPipeline, ...options });

/** A worker in this process, until it is stopped. */
async function worker(at = url) {
	const shelf = modelShelf(
		[{ name: MODEL, pipeline: workersPipeline }],
		2 ** 30,
	);
	const leave = new AbortController();
	const notes: string[] = [];
	const end = runServeWorker({
		url: at,
		shelf,
		runner: drawLocally(shelf),
		stalledAfter: 1,
		signal: leave.signal,
		onNote: (line) => notes.push(line),
	});
	const stop = async () => {
		leave.abort(new DOMException("interrupted", "AbortError"));
		await end;
	};
	// also where the test fails: the next one's jobs are not its
	onTestFinished(stop);
	return {
		notes,
		stop,
	};
}

/** A worker in a process of its own, to be killed. */
async function workerProcess(): Promise<ChildProcess> {
	const child = start([
		...["worker", "--serve", "--queue", url, "--model", `${MODEL}=${tinySd}`],
		...["--threads", "1", "--stalled-after", "1"],
	]);
	children.push(child);
	await new Promise<void>((resolve) =>
		child.stderr?.on("data", (text: Buffer) => {
			if (text.includes("ready")) resolve();
		}),
	);
	return child;
}

const test_ = test.skipIf(!hasQueueServer);
const steps = { ...quick, steps: 40, numImages: 3 };

test_(
	"a job goes to a worker and back: events, previews, image, the same as drawn here",
	async () => {
		const server = await startServer({ queueUrl: url });
		const { json } = await server.post("/api/jobs", {
			...quick,
			previewEvery: 1,
		});
		expect(json.state).toBe("queued");
		const second = await server.post("/api/jobs", quick);
		const waiting = await server.events(
			second.json.id,
			({ data }) => data.position === 1,
		);
		expect(waiting.at(-1)).toMatchObject({ event: "queued" });
		const { stop } = await worker();
		const heard = await server.events(json.id);
		expect(
			heard.map(({ event }) => event).filter((event) => event !== "loading"),
		).toEqual([
			...[
				"queued",
				"queued",
				"started",
				"step",
				"step",
				"step",
				"image",
				"done",
			].slice(
				heard.filter(({ event }) => event === "queued").length === 1 ? 1 : 0,
			),
		]);
		const previews = heard.filter(({ event }) => event === "step");
		for (const { data } of previews)
			expect(
				(
					await decodeImage(
						Buffer.from(data.preview.split(",")[1], "base64"),
						"preview",
					)
				).width,
			).toBe(8);
		const [drawn] = await server.pipeline.generate(quick);
		const answer = await fetch(
			`${server.url}/api/jobs/${json.id}/images/0.png`,
		);
		const picture = await decodeImage(
			new Uint8Array(await answer.arrayBuffer()),
			"image",
		);
		expect(picture.data).toEqual(drawn.image.data);
		expect(heard.find(({ event }) => event === "image")?.data.parameters).toBe(
			drawn.parameters,
		);
		expect((await server.events(second.json.id)).at(-1)?.event).toBe("done");
		await stop();
		await server.close();
		expect(
			await client.lrange(`fdiff-serve:${json.id}:events`, 0, -1),
		).not.toEqual([]);
	},
);

test_(
	"pictures travel with their job, and wrong options are refused before",
	async () => {
		const server = await startServer({ queueUrl: url });
		const { stop } = await worker();
		const picture = await encodeImage(rgbImage(64, 64), "png");
		const options = { ...quick, strength: 0.5 };
		const { json } = await server.post("/api/jobs", {
			...options,
			initImage: Buffer.from(picture).toString("base64"),
		});
		expect((await server.events(json.id)).at(-1)?.event).toBe("done");
		const [drawn] = await server.pipeline.generate({
			...options,
			initImage: rgbImage(64, 64),
		});
		const answer = await fetch(
			`${server.url}/api/jobs/${json.id}/images/0.png`,
		);
		const decoded = await decodeImage(
			new Uint8Array(await answer.arrayBuffer()),
			"image",
		);
		expect(decoded.data).toEqual(drawn.image.data);
		// what an ended job began with takes no more room
		const [key] = await client.keys(`bull:*:${json.id}`);
		const data = async () => JSON.parse((await client.hget(key, "data")) ?? "");
		await expect
			.poll(async () => (await data()).pictures, { timeout: 20_000 })
			.toEqual({});
		expect(await data()).toMatchObject({ options: { strength: 0.5 } });
		expect(
			(await server.post("/api/jobs", { ...quick, steps: 0 })).status,
		).toBe(400);
		await stop();
		await server.close();
	},
);

test_(
	"jobs are cancelled while they wait and while they run; a worker then takes the next",
	async () => {
		const server = await startServer({ queueUrl: url });
		const { json: first } = await server.post("/api/jobs", long);
		const { json: second } = await server.post("/api/jobs", long);
		expect(
			(await server.post(`/api/jobs/${second.id}/cancel`)).json.state,
		).toBe("cancelled");
		const { stop, notes } = await worker();
		await server.events(first.id, ({ event }) => event === "step");
		const asked = performance.now();
		expect((await server.post(`/api/jobs/${first.id}/cancel`)).json.state).toBe(
			"cancelled",
		);
		const { json: third } = await server.post("/api/jobs", quick);
		expect((await server.events(third.id)).at(-1)?.event).toBe("done");
		// long would have gone on for a minute
		expect(performance.now() - asked).toBeLessThan(30_000);
		await stop();
		expect(notes.filter((note) => !/ready/.test(note))).toEqual([]);
		await server.close();
	},
);

test_(
	"owners see their own jobs only, the limits hold, and what has expired is gone from Redis",
	async () => {
		const server = await startServer({
			queueUrl: url,
			keys: [ALICE, BOB],
			limits: { queue: 2, keepSeconds: 1, seconds: 2 },
		});
		const { json } = await server.post("/api/jobs", quick, alice);
		const bob = { authorization: `Bearer ${BOB}` };
		expect((await server.get(`/api/jobs/${json.id}`, bob)).status).toBe(404);
		expect(
			(await server.post(`/api/jobs/${json.id}/cancel`, undefined, bob)).status,
		).toBe(404);
		const late = await server.post(
			"/api/jobs",
			{ ...long, width: 256, height: 256 },
			alice,
		);
		expect(late.status).toBe(202);
		expect((await server.post("/api/jobs", quick, bob)).status).toBe(429);
		const { stop } = await worker();
		const heard = await server.events(late.json.id, undefined, alice);
		expect(heard.at(-1)).toMatchObject({
			event: "failed",
			data: { error: { code: "timeout" } },
		});
		await delay(1500);
		expect((await server.get(`/api/jobs/${json.id}`, alice)).status).toBe(404);
		const left = await client.keys(`*${json.id}*`);
		expect(left.filter((key) => !key.endsWith(":holder"))).toEqual([]);
		await stop();
		await server.close();
	},
);

test_(
	"the job of a worker that is killed is done by another, which goes on after its last image",
	async () => {
		const server = await startServer({ queueUrl: url });
		const first = await workerProcess();
		const { json } = await server.post("/api/jobs", steps);
		await server.events(json.id, ({ event }) => event === "image");
		first.kill("SIGKILL");
		const second = await workerProcess();
		const heard = await server.events(json.id);
		const images = heard
			.filter(({ event }) => event === "image")
			.map(({ data }) => data);
		expect(images.map(({ index, seed }) => [index, seed])).toEqual([
			[0, 5],
			[1, 6],
			[2, 7],
		]);
		expect(heard.filter(({ event }) => event === "started")).toHaveLength(2);
		expect(heard.filter(({ event }) => event === "done")).toHaveLength(1);
		const drawn = await server.pipeline.generate(steps);
		for (const image of drawn) {
			const answer = await fetch(
				`${server.url}/api/jobs/${json.id}/images/${image.index}.png`,
			);
			const decoded = await decodeImage(
				new Uint8Array(await answer.arrayBuffer()),
				"image",
			);
			expect(decoded.data).toEqual(image.image.data);
			expect(images[image.index].parameters).toBe(image.parameters);
		}
		// asked to stop, it puts back what it has under way
		const { json: next } = await server.post("/api/jobs", steps);
		await server.events(next.id, ({ event }) => event === "step");
		const leaving = ended(second);
		second.kill("SIGTERM");
		expect((await leaving).code).toBe(0);
		const { stop } = await worker();
		expect((await server.events(next.id)).at(-1)?.event).toBe("done");
		await stop();
		await server.close();
	},
);

test_(
	"a worker that was thought dead and is not tells nothing more of its job",
	async () => {
		const server = await startServer({ queueUrl: url });
		const sleeper = await workerProcess();
		const { json } = await server.post("/api/jobs", steps);
		await server.events(json.id, ({ event }) => event === "step");
		sleeper.kill("SIGSTOP");
		const { stop } = await worker();
		await server.events(
			json.id,
			({ event, data }) => event === "step" && data.step > 35,
		);
		sleeper.kill("SIGCONT");
		const heard = await server.events(json.id);
		expect(
			heard
				.filter(({ event }) => event === "image")
				.map(({ data }) => data.index),
		).toEqual([0, 1, 2]);
		const stepsOf = (image: number) =>
			heard.flatMap(({ event, data }) =>
				event === "step" && data.image === image ? [data.step] : [],
			);
		for (const image of [1, 2])
			expect(stepsOf(image)).toEqual(
				Array.from({ length: 40 }, (_, n) => n + 1),
			);
		// and is fit for the next
		await stop();
		const { json: next } = await server.post("/api/jobs", quick);
		expect((await server.events(next.id)).at(-1)?.event).toBe("done");
		sleeper.kill("SIGKILL");
		await server.close();
	},
);

test_(
	"a server that comes back has its jobs still, finished and waiting ones",
	async () => {
		const before = await startServer({ queueUrl: url, keys: [ALICE] });
		const one = await worker();
		const { json: done } = await before.post("/api/jobs", quick, alice);
		await before.events(done.id, undefined, alice);
		await one.stop();
		const { json: waits } = await before.post("/api/jobs", quick, alice);
		await delay(100);
		await before.close();
		const after = await startServer({ queueUrl: url, keys: [ALICE] });
		const heard = await after.events(done.id, undefined, {
			...alice,
			"last-event-id": "99",
		});
		expect(heard.map(({ event }) => event)).toEqual(["done"]);
		const { stop } = await worker();
		expect((await after.events(waits.id, undefined, alice)).at(-1)?.event).toBe(
			"done",
		);
		expect(
			(await after.get(`/api/jobs/${waits.id}`, alice)).json.images,
		).toHaveLength(1);
		// what had ended before is neither logged nor counted again
		expect(
			after.logged.filter(({ event }) => event === "job").map(({ job }) => job),
		).toEqual([waits.id]);
		await stop();
		await after.close();
	},
);

test_("a worker says once that its Redis server is gone", async () => {
	const lost = await queueServer(folder);
	children.push(lost.child);
	const { stop, notes } = await worker(lost.url);
	await expect.poll(() => notes.join(), { timeout: 30_000 }).toContain("ready");
	lost.child.kill("SIGKILL");
	await expect
		.poll(() => notes.join(), { timeout: 30_000 })
		.toContain("ECONNREFUSED");
	await delay(1500);
	expect(notes.filter((note) => note.includes("ECONNREFUSED"))).toHaveLength(1);
	await stop();
});

test_(
	"two servers share a queue and its workers: each job is drawn once, and one server may leave",
	async () => {
		const first = await startServer({ queueUrl: url });
		const { json: early } = await first.post("/api/jobs", quick);
		await delay(100);
		const second = await startServer({ queueUrl: url });
		const { json: late } = await second.post("/api/jobs", {
			...quick,
			seed: 6,
		});
		// what waited when it came is known to it too; later jobs of others are not
		expect((await second.get(`/api/jobs/${early.id}`)).json.state).toBe(
			"queued",
		);
		expect((await first.get(`/api/jobs/${late.id}`)).status).toBe(404);
		const { stop } = await worker();
		const heard = await Promise.all([
			first.events(early.id),
			second.events(early.id),
			second.events(late.id),
		]);
		for (const events of heard)
			expect(
				events
					.map(({ event }) => event)
					.filter((event) => /image|done/.test(event ?? "")),
			).toEqual(["image", "done"]);
		for (const { id } of [early, late]) {
			const told = await client.lrange(`fdiff-serve:${id}:events`, 0, -1);
			expect(told.filter((text) => /"started"/.test(text))).toHaveLength(1);
		}
		// a job that both know is cancelled through either
		const { json: waits } = await first.post("/api/jobs", long);
		const third = await startServer({ queueUrl: url });
		await third.post(`/api/jobs/${waits.id}/cancel`);
		expect((await first.events(waits.id)).at(-1)?.event).toBe("cancelled");
		await first.close();
		await third.close();
		const { json: next } = await second.post("/api/jobs", quick);
		expect((await second.events(next.id)).at(-1)?.event).toBe("done");
		await stop();
		await second.close();
	},
);

test_(
	"a Redis server that loses everything costs no job, waiting or under way",
	async () => {
		const server = await startServer({ queueUrl: url });
		const { json } = await server.post("/api/jobs", quick);
		await delay(100);
		await client.flushall();
		await delay(1500);
		const { stop } = await worker();
		expect((await server.events(json.id)).at(-1)?.event).toBe("done");
		const { json: next } = await server.post("/api/jobs", steps);
		await server.events(next.id, ({ event }) => event === "image");
		await client.flushall();
		const heard = await server.events(next.id);
		expect(heard.at(-1)?.event).toBe("done");
		expect(
			heard.flatMap(({ event, data }) =>
				event === "image" ? [data.index] : [],
			),
		).toEqual([0, 1, 2]);
		await stop();
		await server.close();
	},
);

test_(
	"jobs that are none of ours, and lies about jobs, end as failures",
	async () => {
		const server = await startServer({ queueUrl: url });
		const { json } = await server.post("/api/jobs", quick);
		await delay(100);
		await client.rpush(`fdiff-serve:${json.id}:events`, "not json");
		const heard = await server.events(json.id);
		expect(heard.at(-1)).toMatchObject({
			event: "failed",
			data: { error: { code: "internal_error" } },
		});
		// what a stranger put in the same queue
		const [name] = (await client.keys("bull:fdiff-serve-*:meta")).map(
			(key) => key.split(":")[1],
		);
		const queue = new Queue(name, { connection: client });
		const strange = await queue.add("draw", { prompt: "a red apple" });
		const loras = await queue.add("draw", {
			...{ owner: "local", model: MODEL, pictures: {} },
			options: { ...quick, loras: [{ path: "/etc/passwd" }] },
			...{ evaluations: 3, previewEvery: 0, createdAt: Date.now() },
			...{ seconds: 10, keepSeconds: 10 },
		});
		const { stop, notes } = await worker();
		const { json: next } = await server.post("/api/jobs", quick);
		expect((await server.events(next.id)).at(-1)?.event).toBe("done");
		expect(await strange.getState()).toBe("failed");
		const told = await client.lrange(`fdiff-serve:${loras.id}:events`, 0, -1);
		expect(told.join()).toMatch(/"failed".*loras: it cannot be given/);
		expect(notes.join()).not.toContain("passwd");
		await stop();
		await queue.close();
		await server.close();
	},
);
