import type { ChildProcess } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { Redis } from "ioredis";
import { afterAll, expect, test } from "vitest";
import { decodeImage } from "../../src/image/nodeImageFile.js";
import { mersenneTwister } from "../../src/random/mersenneTwister.js";
import { emptyFolder, tinySd } from "../cli/runProgram.js";
import { hasQueueServer, queueServer } from "../evaluation/queueServer.js";
import { start } from "../evaluation/tinyRun.js";
import { MODEL, startServer } from "../server/startServer.js";

// kill -9 of workers at random moments: no job is lost, and none is done twice. `npm run serve-kill-test` does more of them.
const jobs = Number(process.env.KILL_JOBS ?? 8);
const seed = BigInt(process.env.KILL_SEED ?? Date.now() % 1_000_000);
const generator = mersenneTwister(seed);
const random = () => generator.next() / 2 ** 32;
console.log(`${jobs} jobs, seed ${seed}`);

const WORKERS = 2;
/** A kill every so many jobs. */
const EACH = jobs > 50 ? 6 : 3;
const running = new Set<ChildProcess>();
const folder = emptyFolder();
afterAll(() => {
	for (const child of running) child.kill("SIGKILL");
});

test.skipIf(!hasQueueServer)(
	"fdiff serve --queue and its workers",
	{ timeout: 60_000 + 10_000 * jobs },
	async () => {
		const redis = await queueServer(folder);
		running.add(redis.child);
		const server = await startServer({
			queueUrl: redis.url,
			limits: { queue: jobs, keepSeconds: 3600 },
		});
		const worker = () => {
			const child = start([
				...["worker", "--serve", "--queue", redis.url, "--quiet"],
				...["--model", `${MODEL}=${tinySd}`],
				...["--threads", "1", "--stalled-after", "1"],
			]);
			child.stderr?.resume();
			child.stdout?.resume();
			running.add(child);
			return child;
		};
		const workers = Array.from({ length: WORKERS }, worker);
		const options = Array.from({ length: jobs }, (_, n) => ({
			prompt: "a red apple",
			...{ width: 64, height: 64, numImages: 2 },
			...{ steps: 4 + Math.floor(30 * random()), seed: 1000 * n },
		}));
		const ids: string[] = [];
		for (const body of options)
			ids.push((await server.post("/api/jobs", body)).json.id);
		const ended = async () =>
			((await server.get("/api/jobs")).json.jobs as { state: string }[]).filter(
				({ state }) => !/queued|running/.test(state),
			).length;
		let kills = 0;
		for (;;) {
			const done = await ended();
			if (done === jobs) break;
			if (done >= EACH * kills + EACH * random()) {
				await delay(500 * random());
				const victim = Math.floor(WORKERS * random());
				workers[victim].kill("SIGKILL");
				running.delete(workers[victim]);
				workers[victim] = worker();
				kills++;
			}
			await delay(50);
		}
		const client = new Redis(redis.url);
		const restarted: number[] = [];
		for (const [n, id] of ids.entries()) {
			// what stands in Redis is what workers said: a second end, or a second image, would be there
			const told = (await client.lrange(`fdiff-serve:${id}:events`, 0, -1)).map(
				(text) => JSON.parse(text) as { type: string; index?: number },
			);
			const of = (type: string) => told.filter((event) => event.type === type);
			expect(of("image").map(({ index }) => index)).toEqual([0, 1]);
			expect([of("done").length, of("failed").length]).toEqual([1, 0]);
			expect(told.at(-1)?.type).toBe("done");
			restarted.push(of("started").length - 1);
			if (n % 10 > 0) continue;
			const drawn = await server.pipeline.generate(options[n]);
			for (const [index, { image }] of drawn.entries()) {
				const file = await fetch(
					`${server.url}/api/jobs/${id}/images/${index}.png`,
				);
				const bytes = new Uint8Array(await file.arrayBuffer());
				expect((await decodeImage(bytes, "image")).data).toEqual(image.data);
			}
		}
		client.disconnect();
		const more = restarted.filter((times) => times > 0).length;
		console.log(`${kills} workers killed, ${more} jobs begun again`);
		expect(kills).toBeGreaterThanOrEqual(Math.floor(jobs / EACH) - 2);
		expect(kills).toBeGreaterThan(0);
	},
);
