import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { Redis } from "ioredis";
import { afterAll, expect, test } from "vitest";

/*
 * Every command, and the library, as a user runs them: with a home folder that is empty, a temporary folder of their own, and CI unset (libraries
 * keep still by themselves where they see a CI). No socket of the internet's families may be opened, and no file left that was not asked for.
 */

const traced = spawnSync("strace", ["-V"]).status === 0;
if (!traced) {
	const words =
		"strace is not installed, so that nobody looks whether the program opens sockets";
	if (process.env.CI) throw new Error(words);
	console.warn(`offline.test.ts is skipped: ${words}`);
}

const root = join(import.meta.dirname, "..", "..");
const program = join(root, "dist", "cli", "main.js");
const folder = mkdtempSync(join(tmpdir(), "fdiff-offline-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Place {
	readonly home: string;
	readonly temporary: string;
	readonly work: string;
	readonly trace: string;
}

let places = 0;
function newPlace(): Place {
	const base = join(folder, `${places++}`);
	const place = {
		home: join(base, "home"),
		temporary: join(base, "tmp"),
		work: join(base, "work"),
		trace: join(base, "trace"),
	};
	for (const path of [place.home, place.temporary, place.work])
		mkdirSync(path, { recursive: true });
	return place;
}

/** Node under strace, with nothing of this process' environment but the way to programs. */
function traceOf(
	place: Place,
	words: readonly string[],
	environment: Readonly<Record<string, string>> = {},
) {
	return {
		command: "strace",
		args: [
			...["-f", "-qq", "--seccomp-bpf", "-o", place.trace],
			// it ends what it runs when it is ended
			...["--interruptible", "waiting"],
			...["-e", "trace=socket,connect,sendto,sendmsg"],
			process.execPath,
			...words,
		],
		cwd: place.work,
		env: {
			PATH: process.env.PATH ?? "",
			FDIFF_OPENVINO_DIR: process.env.FDIFF_OPENVINO_DIR ?? "",
			HOME: place.home,
			TMPDIR: place.temporary,
			...environment,
		},
	};
}

function start(...traced: Parameters<typeof traceOf>): ChildProcess {
	const { command, args, ...options } = traceOf(...traced);
	return spawn(command, args, {
		...options,
		stdio: ["ignore", "pipe", "pipe"],
	});
}

async function ended(
	child: ChildProcess,
): Promise<{ code: number | null; stderr: string }> {
	let stderr = "";
	child.stdout?.resume();
	child.stderr?.setEncoding("utf8").on("data", (text) => {
		stderr += text;
	});
	const code = await new Promise<number | null>((resolve, reject) => {
		child.on("error", reject);
		child.on("close", resolve);
	});
	return { code, stderr: code === 0 ? "" : stderr };
}

const listing = (path: string) =>
	readdirSync(path, { recursive: true, encoding: "utf8" }).sort();

/** Lines of the trace about the internet's families. */
const internet = ({ trace }: Place) =>
	readFileSync(trace, "utf8")
		.split("\n")
		.filter((line) => /AF_INET6?\b/.test(line));

/** Runs it to its end and checks that it went well, opened no socket, and left files in its working folder only. */
async function runsOffline(
	words: readonly string[],
	environment: Readonly<Record<string, string>> = {},
): Promise<Place> {
	const place = newPlace();
	for (const [name, content] of Object.entries(files))
		writeFileSync(join(place.work, name), content);
	expect(await ended(start(place, words, environment))).toEqual({
		code: 0,
		stderr: "",
	});
	expect(internet(place)).toEqual([]);
	expect(listing(place.home)).toEqual([]);
	expect(listing(place.temporary)).toEqual([]);
	return place;
}

const files = {
	"captions.txt": "a red apple\na cup\na cat\n",
};
const quick = ["--steps", "3", "--seed", "1", "--threads", "1", "--quiet"];
const tiny = [
	...["--model", join(root, "test", "models", "tiny-sd")],
	...["--width", "64", "--height", "64", ...quick],
];
const fdiff = (...words: readonly string[]) => runsOffline([program, ...words]);

test.skipIf(!traced)("what is traced would be seen", async () => {
	const place = newPlace();
	const code =
		"require('net').connect(9, '127.0.0.1').on('error', () => {}); require('fs').writeFileSync(process.env.HOME + '/id', '')";
	await ended(start(place, ["--eval", code]));
	expect(internet(place).join()).toContain("AF_INET");
	expect(listing(place.home)).toEqual(["id"]);
});

test.skipIf(!traced)("drawing, and drawing anew from a picture", async () => {
	// with as many threads as there are
	const place = await fdiff("a red apple", "--steps", "3", "--output", "a.png");
	expect(listing(place.work)).toEqual(["a.png", "captions.txt"]);
	await fdiff("a cup", ...quick, "--num-images", "2", "--output", "all.jpg");
});

test.skipIf(!traced)("comparing", async () => {
	const place = await fdiff("compare", "a cup", ...tiny, "--output", "c.png");
	expect(listing(place.work)).toEqual(["c.png", "captions.txt"]);
});

test.skipIf(!traced)("evaluating", async () => {
	const place = await fdiff(
		...["evaluate", "--protocol", "smoke-2", "--out", "out", "--quiet"],
		...["--methods", "dpm-solver++-3,dpm-solver++-3+keys:0"],
		...["--threads", "1"],
	);
	expect(readdirSync(place.work).sort()).toEqual(["captions.txt", "out"]);
	const records = listing(join(place.work, "out")).filter((name) =>
		name.endsWith(".jsonl"),
	);
	expect(records.length).toBeGreaterThan(0);
	await runsOffline([
		program,
		...["score", join(place.work, "out", "images", firstMethod(place))],
		...[join(place.work, "out", "images", firstMethod(place))],
		...["--metrics", "psnr,ssim", "--quiet"],
	]);
});

const firstMethod = ({ work }: Place) =>
	readdirSync(join(work, "out", "images")).sort()[0] ?? "";

test.skipIf(!traced)("analyzing", async () => {
	const place = await fdiff("analyze", "a cup", ...tiny, "--out", "analysis");
	expect(readdirSync(place.work).sort()).toEqual(["analysis", "captions.txt"]);
});

test.skipIf(!traced)("tuning", async () => {
	const place = await fdiff(
		...["tune", "--captions", "captions.txt", ...tiny, "--out", "plan.json"],
		...["--calibration", "2", "--held-out", "1", "--candidates", "4"],
		...["--trials", "1", "--calls", "2"],
	);
	expect(listing(place.work)).toContain("plan.json");
});

test.skipIf(!traced)("models, engines and their lists", async () => {
	const place = await fdiff("models", "list");
	await fdiff("engines", "list");
	expect(listing(place.work)).toEqual(["captions.txt"]);
	await fdiff("--help");
});

test.skipIf(!traced)(
	"the library, after a command line of 200 kB",
	async () => {
		const place = await runsOffline([
			"--input-type=module",
			"--eval",
			`const { loadPipeline } = await import(${JSON.stringify(join(root, "dist", "index.js"))});
		const pipeline = await loadPipeline();
		const [{ image }] = await pipeline.generate({ prompt: "a cup", steps: 2, seed: 1 });
		if (image.width !== 128) throw new Error("not drawn");`,
			// one word of a command line is at most 128 kB long
			..."ab".split("").map((letter) => letter.repeat(100_000)),
		]);
		expect(listing(place.work)).toEqual(["captions.txt"]);
	},
);

test.skipIf(!traced)(
	"the library in a worker thread, whose process.env is a copy",
	async () => {
		const library = JSON.stringify(join(root, "dist", "index.js"));
		const work = `import(${library}).then(async ({ loadPipeline }) => {
			const pipeline = await loadPipeline();
			await pipeline.generate({ prompt: "a cup", steps: 2, seed: 1 });
		});`;
		const place = await runsOffline([
			"--eval",
			`const { Worker } = require("node:worker_threads");
			new Worker(${JSON.stringify(work)}, { eval: true, env: {} });`,
		]);
		expect(listing(place.work)).toEqual(["captions.txt"]);
	},
);

test("a prompt of 100 kB is drawn", async () => {
	const place = newPlace();
	const child = spawn(
		process.execPath,
		[program, "a ".repeat(50_000), ...quick, "--output", "long.png"],
		{ cwd: place.work, stdio: ["ignore", "pipe", "pipe"] },
	);
	expect(await ended(child)).toEqual({ code: 0, stderr: "" });
	expect(listing(place.work)).toEqual(["long.png"]);
});

/** OpenVINO's folder, where it is installed for the tests. */
const openVino = process.env.FDIFF_TEST_OPENVINO;

test.skipIf(!traced || !openVino)("drawing with OpenVINO", async () => {
	const place = await runsOffline(
		[program, "a cup", ...quick, "--engine", "openvino", "--output", "a.png"],
		{ FDIFF_OPENVINO_DIR: openVino ?? "" },
	);
	expect(listing(place.work)).toEqual(["a.png", "captions.txt"]);
});

test.skipIf(!traced)(
	"the server listens where it says, and connects to nothing",
	async () => {
		const port = await freePort();
		const place = newPlace();
		const child = start(place, [
			program,
			"serve",
			"--port",
			`${port}`,
			"--quiet",
		]);
		const serverEnded = ended(child);
		await drawnBy(`http://127.0.0.1:${port}`);
		child.kill("SIGTERM");
		await serverEnded;
		expect(internet(place).filter((line) => /connect\(/.test(line))).toEqual(
			[],
		);
		for (const left of [place.home, place.temporary, place.work])
			expect(listing(left)).toEqual([]);
	},
);

/** Waits for a server, and has it draw. */
async function drawnBy(url: string): Promise<void> {
	for (let tries = 0; tries < 600; tries++)
		if ((await fetch(`${url}/readyz`).catch(() => undefined))?.ok) break;
		else await delay(100);
	const body = JSON.stringify({ prompt: "a cup", steps: 2, seed: 1 });
	const { id } = (await (
		await fetch(`${url}/api/jobs`, {
			...{ method: "POST", body },
			headers: { "content-type": "application/json" },
		})
	).json()) as { id: string };
	// ends with the job
	await (await fetch(`${url}/api/jobs/${id}/events`)).text();
	expect((await fetch(`${url}/api/jobs/${id}/images/0.png`)).status).toBe(200);
}

test.skipIf(!traced)("drawing for a program that speaks MCP", async () => {
	const place = newPlace();
	const client = new Client({ name: "test", version: "1" });
	await client.connect(
		new StdioClientTransport(traceOf(place, [program, "mcp"])),
	);
	const { content } = (await client.callTool({
		name: "draw",
		arguments: { prompt: "a cup", steps: 2, seed: 1 },
	})) as { content: { type: string }[] };
	expect(content.map(({ type }) => type)).toEqual(["image", "text"]);
	await client.close();
	expect(internet(place)).toEqual([]);
	for (const left of [place.home, place.temporary, place.work])
		expect(listing(left)).toEqual([]);
});

const server = ["valkey-server", "redis-server"].find(
	(name) => spawnSync(name, ["--version"]).status === 0,
);

/** A Redis or Valkey server, and its address. */
async function startQueue() {
	const port = await freePort();
	const queue = spawn(
		server ?? "",
		[...["--port", `${port}`, "--bind", "127.0.0.1"], "--save", ""],
		{ stdio: "ignore", cwd: newPlace().work },
	);
	const client = new Redis(port, { maxRetriesPerRequest: null });
	client.on("error", () => {});
	await client.ping();
	client.disconnect();
	return { queue, port, url: `redis://127.0.0.1:${port}` };
}

/** It has talked to the queue, to nobody else, and has left no files. */
function expectQueueAlone(place: Place, port: number): void {
	const connected = internet(place).filter((line) =>
		/connect\(|sendto\(|sendmsg\(/.test(line),
	);
	expect(connected.length).toBeGreaterThan(0);
	for (const line of connected) {
		expect(line).toContain(`htons(${port})`);
		expect(line).toContain('"127.0.0.1"');
	}
	expect(listing(place.home)).toEqual([]);
	expect(listing(place.temporary)).toEqual([]);
}

test.skipIf(!traced || !server)(
	"a server with a queue and its worker connect to the queue and to nothing else",
	async () => {
		const { queue, port, url } = await startQueue();
		const [serving, working] = [newPlace(), newPlace()];
		const listening = await freePort();
		const flags = ["--queue", url, "--quiet"];
		try {
			const children = [
				start(serving, [program, "serve", ...flags, "--port", `${listening}`]),
				start(working, [program, "worker", "--serve", ...flags]),
			];
			const all = Promise.all(children.map(ended));
			await drawnBy(`http://127.0.0.1:${listening}`);
			for (const child of children) child.kill("SIGTERM");
			await all;
		} finally {
			queue.kill();
		}
		for (const place of [serving, working]) {
			expectQueueAlone(place, port);
			expect(listing(place.work)).toEqual([]);
		}
	},
);

test.skipIf(!traced || !server)(
	"a worker connects to its queue and to nothing else",
	async () => {
		const { queue, port, url } = await startQueue();
		const place = newPlace();
		const asking = newPlace();
		const words = [program, "--queue", url, "--quiet"];
		try {
			const worker = start(place, [words[0], "worker", ...words.slice(1)]);
			const workerEnded = ended(worker);
			const evaluation = await ended(
				start(asking, [
					...[words[0], "evaluate", ...words.slice(1)],
					...["--protocol", "smoke-2", "--methods", "dpm-solver++-4"],
					...["--out", "out"],
				]),
			);
			expect(evaluation).toEqual({ code: 0, stderr: "" });
			worker.kill("SIGTERM");
			await workerEnded;
		} finally {
			queue.kill();
		}
		for (const used of [place, asking]) expectQueueAlone(used, port);
		expect(listing(place.work)).toEqual([]);
	},
);

async function freePort(): Promise<number> {
	const listener = createServer().listen(0, "127.0.0.1");
	await new Promise((resolve) => listener.once("listening", resolve));
	const address = listener.address();
	await new Promise((resolve) => listener.close(resolve));
	return typeof address === "object" && address ? address.port : 0;
}
