import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import { SERVED_OPTIONS } from "../../src/pipeline/optionForm.js";
import { MODEL, startServer } from "./startServer.js";

const server = await startServer({
	limits: {
		queue: 4,
		steps: 2,
		pixels: 64 * 64,
		images: 1,
		keepSeconds: 1,
		body: 200_000,
	},
});

const PATHS = [
	"/api/jobs",
	"/api/settings",
	"/api/options",
	"/api/parameters",
	"/api/jobs/x",
	"/api/jobs/x/cancel",
	"/api/jobs/x/events",
	"/api/jobs/x/images/0.png",
	"/assets/x.js",
	"/v1/models",
	"/v1/models/x",
	"/v1/images/generations",
	"/v1/images/edits",
	"/sdapi/v1/txt2img",
	"/sdapi/v1/img2img",
	"/sdapi/v1/progress",
	"/sdapi/v1/interrupt",
	"/sdapi/v1/png-info",
	"/sdapi/v1/samplers",
	"/sdapi/v1/schedulers",
	"/sdapi/v1/sd-models",
	"/sdapi/v1/options",
	"/healthz",
	"/readyz",
	"/metrics",
	"/openapi.json",
	"/",
	"/%2e%2e/etc/passwd",
	"/api/jobs/%00",
	"/api/jobs/..%2f..%2fetc",
	"/v1/models/__proto__",
	"/api/jobs/constructor",
];
const FIELDS = [
	...SERVED_OPTIONS,
	"model",
	"previewEvery",
	"n",
	"size",
	"stream",
	"partial_images",
	"output_format",
	"response_format",
	"output_compression",
	"init_images",
	"mask",
	"image",
	"override_settings",
	"alwayson_scripts",
	"sampler_name",
	"scheduler",
	"n_iter",
	"cfg_scale",
	"hr_scale",
	"enable_hr",
	"inpainting_fill",
	"resize_mode",
	"seed",
	"constructor",
	"toString",
	"sd_model_checkpoint",
];
const PNG =
	"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

const value = fc.oneof(
	{
		weight: 3,
		arbitrary: fc.constantFrom<unknown>(
			1,
			2,
			64,
			8,
			0.5,
			true,
			false,
			null,
			"auto",
			"64x64",
			"png",
			"all",
			"paper",
			"euler",
			MODEL,
			PNG,
			`data:image/png;base64,${PNG}`,
			[PNG],
			{},
			[],
		),
	},
	{
		weight: 2,
		arbitrary: fc.constantFrom<unknown>(
			-1,
			0,
			1e308,
			-1e308,
			2 ** 53,
			"1e999",
			"../../etc/passwd",
			"/etc/passwd",
			"http://169.254.169.254/",
			"file:///etc/passwd",
			"\u0000",
			"\ud800",
			"a".repeat(20_000),
			"(".repeat(2000),
			"uniform:1",
			"outer:1",
			"auto",
			"data:image/png;base64,",
			"[[[[[[",
			'{"__proto__":1}',
		),
	},
	fc.string({ unit: "binary", maxLength: 40 }),
	fc.double(),
	fc.jsonValue({ maxDepth: 3 }),
);
const body = fc
	.dictionary(fc.constantFrom(...FIELDS), value, { maxKeys: 8 })
	.map((fields) => ({
		prompt: "x",
		width: 64,
		height: 64,
		steps: 1,
		...fields,
	}));
const text = fc.oneof(
	{ weight: 6, arbitrary: body.map((json) => JSON.stringify(json)) },
	fc.string({ unit: "binary", maxLength: 200 }),
	fc.constantFrom(
		"",
		"{",
		"null",
		"[]",
		'{"__proto__":{"x":1}}',
		'{"a":'.repeat(5000),
		"a".repeat(300_000),
	),
);
const form = fc
	.array(
		fc.tuple(
			fc.constantFrom(...FIELDS),
			fc.oneof(
				fc.string({ unit: "binary", maxLength: 40 }),
				fc.constantFrom("1", "true", "64x64", "all"),
			),
		),
		{ maxLength: 5 },
	)
	.map((parts) => {
		const lines = parts.map(
			([name, word]) =>
				`--b\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${word}\r\n`,
		);
		return `${lines.join("")}--b\r\ncontent-disposition: form-data; name="image"; filename="a.png"\r\ncontent-type: image/png\r\n\r\n${parts.length % 2 ? "no picture" : Buffer.from(PNG, "base64").toString("latin1")}\r\n--b--\r\n`;
	});
const request = fc.record({
	path: fc.oneof(
		{ weight: 5, arbitrary: fc.constantFrom(...PATHS) },
		fc.webPath(),
	),
	method: fc.constantFrom(
		"POST",
		"POST",
		"POST",
		"GET",
		"PUT",
		"DELETE",
		"OPTIONS",
	),
	content: fc.oneof(
		{
			weight: 4,
			arbitrary: fc.record({
				type: fc.constant("application/json"),
				payload: text,
			}),
		},
		fc.record({
			type: fc.constant("multipart/form-data; boundary=b"),
			payload: form,
		}),
		fc.record({
			type: fc.constantFrom(
				"text/plain",
				"application/x-www-form-urlencoded",
				"multipart/form-data",
				"application/json; charset=utf-16",
			),
			payload: fc.string({ maxLength: 100 }),
		}),
	),
});

const REQUESTS = 5000;

test("hostile requests over all endpoints: no fault of the server, no path, flat memory", {
	timeout: 600_000,
}, async () => {
	const samples = fc.sample(request, { numRuns: REQUESTS, seed: 17 });
	const statuses = new Map<number, number>();
	let early = 0;
	for (const [n, { path, method, content }] of samples.entries()) {
		const answer = await server.app.inject({
			method: method as "POST",
			url: path.startsWith("/") ? path : `/${path}`,
			headers: { host: "localhost", "content-type": content.type },
			payload: method === "GET" ? undefined : content.payload,
		});
		const said = `${method} ${path} ${content.payload.slice(0, 300)}: ${answer.statusCode} ${answer.body.slice(0, 300)}`;
		expect(answer.statusCode, said).toBeLessThan(500);
		if (
			answer.statusCode >= 400 &&
			answer.headers["content-type"]?.toString().includes("json")
		)
			expect(
				JSON.parse(answer.body).detail ?? JSON.parse(answer.body).error.message,
				said,
			).not.toMatch(/node_modules|\.ts:|\/(work|root|home)\//);
		statuses.set(answer.statusCode, (statuses.get(answer.statusCode) ?? 0) + 1);
		if (n === REQUESTS / 2) early = process.memoryUsage().rss;
	}
	while (server.queue.count("running") > 0) await delay(50);
	// some were right, and drawn
	expect(statuses.get(200)).toBeGreaterThan(100);
	expect(statuses.get(400)).toBeGreaterThan(100);
	expect(process.memoryUsage().rss - early).toBeLessThan(150 * 2 ** 20);
	expect((await server.get("/healthz")).status).toBe(200);
	expect(server.logged.filter(({ event }) => event === "error")).toEqual([]);
});

test.each([
	["/v1/images/edits", "multipart/form-data", "--b"],
	["/api/parameters", "multipart/form-data", ""],
	[
		"/api/parameters",
		"multipart/form-data; boundary=b",
		'--b\r\ncontent-disposition: form-data; name="image"; filename="a"\r\n\r\n\x89PNG\r\n\x1a\nx\r\n--b--\r\n',
	],
])(
	"a form or a picture in it that is malformed is the client's fault: %s %s",
	async (url, type, payload) => {
		const { statusCode } = await server.app.inject({
			method: "POST",
			url,
			headers: { host: "localhost", "content-type": type },
			payload: Buffer.from(payload, "latin1"),
		});
		expect(statusCode).toBe(400);
	},
);

/** What the server says to bytes on a connection of its own, until it closes it or half a second has passed. */
async function said(port: number, ...bytes: string[]): Promise<string> {
	const socket = connect(port, "127.0.0.1");
	let answer = "";
	socket.setEncoding("latin1").on("data", (text) => {
		answer += text;
	});
	socket.on("error", () => {});
	for (const part of bytes) socket.write(part, "latin1");
	await Promise.race([
		new Promise((resolve) => socket.once("close", resolve)),
		delay(500),
	]);
	socket.destroy();
	return answer;
}

test("floods of headers, broken lines and smuggled bodies end their own connection and nothing else", async () => {
	const port = Number(new URL(server.url).port);
	const start = "POST /api/jobs HTTP/1.1\r\nhost: localhost\r\n";
	for (const [bytes, status] of [
		[`${start}${"x-a: b\r\n".repeat(20_000)}\r\n`, 431],
		[`${start}x-a: ${"b".repeat(100_000)}\r\n\r\n`, 431],
		[`GET /${"a".repeat(100_000)} HTTP/1.1\r\nhost: localhost\r\n\r\n`, 431],
		[
			`${start}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
			400,
		],
		[`${start}content-length: 5\r\ncontent-length: 6\r\n\r\nabcde`, 400],
		["GET /api/options HTTP/1.1\r\n\r\n", 400],
		["\x16\x03\x01\x02\x00\x01\x00\x01", 400],
		[
			`${start}content-type: application/json\r\ncontent-length: 1000000\r\n\r\n{`,
			413,
		],
	] as const)
		expect(await said(port, bytes)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
	expect((await server.get("/healthz")).status).toBe(200);
});

test("connections that send nothing, or a letter now and then, are bounded in number and time", async () => {
	const bounded = await startServer({ limits: { connections: 3 } });
	// what has not come whole by then is closed by Node
	expect(bounded.app.server.headersTimeout).toBeLessThanOrEqual(60_000);
	expect(bounded.app.server.requestTimeout).toBeLessThanOrEqual(120_000);
	const { port } = new URL(bounded.url);
	const slow = await Promise.all(
		[1, 2, 3].map(async () => {
			const socket = connect(Number(port), "127.0.0.1");
			await new Promise((resolve) => socket.once("connect", resolve));
			socket.write("GET /healthz HT");
			return socket;
		}),
	);
	await delay(50);
	await expect(bounded.get("/healthz")).rejects.toThrow();
	slow[0].destroy();
	await expect
		.poll(() => bounded.get("/healthz").catch(() => undefined))
		.toMatchObject({ status: 200 });
	for (const socket of slow) socket.destroy();
});
