import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { join } from "node:path";
import { expect, test } from "vitest";
import { UserError } from "../../src/errors/userError.js";
import { encodeImage } from "../../src/image/nodeEncodeImage.js";
import { rgbImage } from "../../src/image/rgbImage.js";
import { isLoopback } from "../../src/server/guard.js";
import { toldError } from "../../src/server/httpError.js";
import { ownerByKey, parseKeys } from "../../src/server/keys.js";
import { long, quick, startServer } from "./startServer.js";

const ALICE = "alice-0123456789abcdef";
const BOB = "bob-0123456789abcdef";
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

const open = await startServer({
	hosts: ["images.example.org", "2001:DB8:0::7"],
});
const locked = await startServer({ keys: [ALICE, BOB] });

/** fetch does not let its caller say `Host` and `Origin`. */
const rawGet = (path: string, headers: Record<string, string>) =>
	new Promise<number>((resolve, reject) => {
		const { port } = new URL(open.url);
		request({ port, path, headers, host: "127.0.0.1" }, (response) => {
			response.resume();
			resolve(response.statusCode ?? 0);
		})
			.on("error", reject)
			.end();
	});

test("only names of this server are answered: no DNS rebinding", async () => {
	expect(await rawGet("/api/options", { host: "evil.example" })).toBe(403);
	expect(
		await rawGet("/api/options", { host: "127.0.0.1.evil.example:80" }),
	).toBe(403);
	expect(await rawGet("/api/options", { host: "localhost:1" })).toBe(200);
	expect(await rawGet("/api/options", { host: "[::1]:1" })).toBe(200);
	expect(await rawGet("/api/options", { host: "images.example.org" })).toBe(
		200,
	);
	// as browsers write the address that --host or --allow-host names
	expect(await rawGet("/api/options", { host: "[2001:db8::7]:7860" })).toBe(
		200,
	);
	expect(await rawGet("/api/options", { host: "[2001:db8::8]:7860" })).toBe(
		403,
	);
	expect(await rawGet("/healthz", { host: "10.0.0.7:8080" })).toBe(200);
});

test("pages of other origins are refused, and no CORS header invites them", async () => {
	const host = "localhost:7860";
	expect(
		await rawGet("/api/jobs", { host, origin: "http://localhost:7860" }),
	).toBe(200);
	expect(
		await rawGet("/api/jobs", { host, origin: "http://localhost:3000" }),
	).toBe(403);
	expect(await rawGet("/api/jobs", { host, origin: "null" })).toBe(403);
	expect(
		await rawGet("/api/jobs", {
			host,
			"sec-fetch-site": "cross-site",
			"sec-fetch-mode": "no-cors",
		}),
	).toBe(403);
	const preflight = await fetch(`${open.url}/api/jobs`, {
		method: "OPTIONS",
		headers: { "access-control-request-method": "POST" },
	});
	expect(
		[...preflight.headers.keys()].filter((name) =>
			/^access-control/.test(name),
		),
	).toEqual([]);
});

test("text, which pages may send anywhere, is no body", async () => {
	const response = await fetch(`${open.url}/api/jobs`, {
		method: "POST",
		headers: { "content-type": "text/plain" },
		body: JSON.stringify(quick),
	});
	expect(response.status).toBe(415);
});

test("without a right key nothing is answered but health", async () => {
	for (const headers of [
		{},
		bearer("alice"),
		bearer(`${ALICE}x`),
		{ authorization: ALICE },
	])
		for (const path of [
			"/api/options",
			"/api/jobs",
			"/metrics",
			"/openapi.json",
			"/nothing",
		])
			expect((await locked.get(path, headers)).status).toBe(401);
	expect((await locked.get("/healthz")).status).toBe(200);
	expect((await locked.get("/api/options", bearer(ALICE))).status).toBe(200);
	const basic = Buffer.from(`any:${BOB}`).toString("base64");
	expect(
		(await locked.get("/api/jobs", { authorization: `Basic ${basic}` })).status,
	).toBe(200);
});

test("a job is seen and cancelled by its owner only", async () => {
	const { json } = await locked.post("/api/jobs", long, bearer(ALICE));
	const path = `/api/jobs/${json.id}`;
	expect(json.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4/);
	for (const [method, end] of [
		["GET", ""],
		["GET", "/events"],
		["POST", "/cancel"],
		["GET", "/images/0.png"],
	])
		expect(
			(await locked.call(method, path + end, undefined, bearer(BOB))).status,
		).toBe(404);
	expect((await locked.get("/api/jobs", bearer(BOB))).json.jobs).toEqual([]);
	expect(
		(await locked.post(`${path}/cancel`, undefined, bearer(ALICE))).json.state,
	).toBe("cancelled");
});

test("keys are read from lists, and short ones refused", () => {
	expect(parseKeys(`# of Alice\n${ALICE}\n\n${BOB}, ${ALICE}x`)).toEqual([
		ALICE,
		BOB,
		`${ALICE}x`,
	]);
	expect(() => parseKeys("secret")).toThrow("at least 16 characters");
	const ownerOf = ownerByKey([ALICE, BOB]);
	expect(ownerOf(`Bearer ${ALICE}`)).not.toBe(ownerOf(`Bearer ${BOB}`));
	expect(ownerOf(undefined)).toBeUndefined();
	expect(
		["127.0.0.1", "127.1.2.3", "::1", "localhost"].map(isLoopback),
	).not.toContain(false);
	expect(
		["0.0.0.0", "::", "192.168.0.2", "127.0.0.1.example.org"].map(isLoopback),
	).not.toContain(true);
});

test("answers carry the headers that keep browsers strict", async () => {
	const { headers } = await open.get("/api/options");
	expect(headers.get("content-security-policy")).toContain(
		"frame-ancestors 'none'",
	);
	expect(headers.get("x-content-type-options")).toBe("nosniff");
});

test.each([
	[
		{ ...quick, width: 2048, height: 2048 },
		/2048 x 2048 is over the 1048576 pixels/,
	],
	[{ ...quick, steps: 151 }, /steps: 151 is over 150/],
	[{ ...quick, numImages: 11 }, /numImages: 11 is over 10/],
	[{ ...quick, batchSize: 64 }, /batchSize: 64 is over 10/],
	[{ ...quick, hires: 8, width: 1024, height: 1024 }, /hires: .* is over/],
	[{ ...quick, prompt: "a".repeat(10_001) }, /10001 characters/],
	[{ ...quick, negativePrompt: "a".repeat(10_001) }, /10001 characters/],
])(
	"what is over a limit is refused before anything runs (%#)",
	async (body, message) => {
		const { status, json } = await open.post("/api/jobs", body);
		expect(status).toBe(400);
		expect(json.error.message).toMatch(message);
	},
);

test("bodies over the limit, pictures with too many pixels, and jobs that take too long", async () => {
	const small = await startServer({
		limits: { body: 5000, picturePixels: 100, seconds: 1 },
	});
	expect(
		(await small.post("/api/jobs", { ...quick, prompt: "a".repeat(9000) }))
			.status,
	).toBe(413);
	const form = new FormData();
	for (const name of ["image", "mask"])
		form.append(name, new Blob([new Uint8Array(3000)]));
	const edits = await fetch(`${small.url}/v1/images/edits`, {
		method: "POST",
		body: form,
	});
	expect([edits.status, await edits.json()]).toMatchObject([
		413,
		{ error: { message: expect.stringMatching(/more than the 5000 bytes/) } },
	]);
	const picture = await encodeImage(rgbImage(16, 16), "png");
	const told = await small.post("/api/jobs", {
		...quick,
		initImage: Buffer.from(picture).toString("base64"),
	});
	expect(told.json.error.message).toMatch(/initImage: .*over 100 pixels/);
	const { json } = await small.post("/api/jobs", {
		...long,
		width: 256,
		height: 256,
	});
	const heard = await small.events(json.id);
	expect(heard.at(-1)).toMatchObject({
		event: "failed",
		data: { error: { code: "timeout" } },
	});
});

test("answers tell no paths and no stack traces", async () => {
	expect(
		toldError(
			new UserError("/home/alice/models/sd/unet.safetensors is damaged", {
				code: "invalid_input",
			}),
		).message,
	).toBe("unet.safetensors is damaged");
	expect(
		toldError(new UserError("/home/alice/x/y is gone", { code: "not_found" }))
			.message,
	).not.toContain("alice");
	expect(
		toldError(new TypeError("x is undefined at /srv/app.js:1")).message,
	).not.toContain("srv");
	const broken = await startServer({
		runner: async () => {
			throw new Error("cannot read /home/alice/secret/file");
		},
	});
	const { json } = await broken.post("/api/jobs", quick);
	const heard = await broken.events(json.id);
	expect(heard.at(-1)).toMatchObject({
		event: "failed",
		data: { error: { code: "internal_error" } },
	});
	expect(JSON.stringify(heard)).not.toMatch(/alice|\.ts:/);
	expect(JSON.stringify(broken.logged)).toContain("alice");
	const plan = await open.post("/api/jobs", { ...quick, keySteps: "auto" });
	expect(plan.text).not.toMatch(/\/(work|home|tmp|test)\//);
});

test("prompts are logged where that is asked for, and never else", async () => {
	const words = { ...quick, negativePrompt: "worms" };
	const silent = await startServer();
	const telling = await startServer({ logPrompts: true });
	for (const server of [silent, telling]) {
		const { json } = await server.post("/api/jobs", words);
		await server.events(json.id);
		await server.post("/v1/images/generations", {
			...{ prompt: "a red apple", size: "64x64", steps: 2 },
		});
		await server.post("/sdapi/v1/txt2img", {
			...{ prompt: "a red apple", width: 64, height: 64, steps: 2 },
			negative_prompt: "worms",
		});
		await server.post("/api/jobs", { ...words, steps: -1 });
		await server.post("/api/jobs", { ...words, apple: 1 });
		await server.get("/api/jobs?prompt=apple");
	}
	expect(JSON.stringify(silent.logged)).not.toMatch(/apple|worms/);
	expect(silent.logged.length).toBeGreaterThan(6);
	const jobs = telling.logged.filter(({ event }) => event === "job");
	expect(jobs).toHaveLength(3);
	expect(jobs[0]).toMatchObject({
		state: "done",
		prompt: "a red apple",
		negativePrompt: "worms",
	});
});

test("keys are compared as digests, in constant time", () => {
	// timing cannot be tested on a machine that is shared: what can is that nothing else compares them
	const source = readFileSync(
		join(import.meta.dirname, "../../src/server/keys.ts"),
		"utf8",
	);
	expect(source).toContain("timingSafeEqual(one.hash, hash)");
	const ownerOf = ownerByKey([ALICE]);
	for (const wrong of [ALICE.slice(0, -1), `${ALICE}0`, "", "é".repeat(30)])
		expect(ownerOf(`Bearer ${wrong}`)).toBeUndefined();
});

test("no URL and no file is read on a client's word, over any API", async () => {
	let asked = 0;
	const trap = createServer((_, answer) => {
		asked++;
		answer.end();
	}).listen(0, "127.0.0.1");
	await once(trap, "listening");
	const { port } = trap.address() as { port: number };
	for (const place of [
		`http://127.0.0.1:${port}/a.png`,
		"file:///etc/passwd",
		"/etc/passwd",
		"../../etc/passwd",
	]) {
		const answers = [
			await open.post("/api/jobs", { ...quick, initImage: place }),
			await open.post("/api/jobs", { ...quick, mask: place, initImage: place }),
			await open.post("/api/jobs", { ...quick, controlImage: place }),
			await open.post("/api/jobs", { ...quick, loras: [{ path: place }] }),
			await open.post("/api/jobs", { ...quick, embeddings: [{ path: place }] }),
			await open.post("/api/jobs", { ...quick, model: place }),
			await open.post("/api/jobs", { ...quick, keySteps: place }),
			await open.post("/v1/images/generations", {
				prompt: "x",
				image: place,
			}),
			await open.post("/sdapi/v1/img2img", {
				...quick,
				init_images: [place],
			}),
			await open.post("/sdapi/v1/png-info", { image: place }),
			await open.post("/sdapi/v1/options", { sd_model_checkpoint: place }),
		];
		expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 400));
		expect(answers.map(({ text }) => text).join()).not.toMatch(/root:/);
	}
	trap.close();
	expect(asked).toBe(0);
});
