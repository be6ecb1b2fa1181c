import { execFile, spawnSync } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { encodeImage } from "../../src/image/nodeEncodeImage.js";
import { decodeImage } from "../../src/image/nodeImageFile.js";
import { rgbImage } from "../../src/image/rgbImage.js";
import { a1111Request } from "../../src/server/api/a1111Request.js";
import { DEFAULT_LIMITS } from "../../src/server/limits.js";
import { emptyFolder } from "../cli/runProgram.js";
import { long, MODEL, quick, startServer } from "./startServer.js";

const KEY = "a1111-0123456789abcdef";
const server = await startServer({ keys: [KEY] });
const headers = { authorization: `Bearer ${KEY}` };
const post = (path: string, body: object) =>
	server.post(`/sdapi/v1/${path}`, body, headers);
const get = (path: string) => server.get(`/sdapi/v1/${path}`, headers);

test("txt2img draws the library's image", async () => {
	const { status, json } = await post("txt2img", {
		prompt: quick.prompt,
		seed: 5,
		steps: 3,
		width: 64,
		height: 64,
		cfg_scale: 4,
		sampler_name: "Euler",
		scheduler: "Karras",
		override_settings: { CLIP_stop_at_last_layers: 2 },
	});
	expect(status).toBe(200);
	const [drawn] = await server.pipeline.generate({
		...quick,
		guidanceScale: 4,
		sampler: "euler",
		schedule: "karras",
		clipSkip: 1,
		promptWeighting: true,
		longPrompts: true,
	});
	const image = await decodeImage(
		Buffer.from(json.images[0], "base64"),
		"image",
	);
	expect(image.data).toEqual(drawn.image.data);
	const info = JSON.parse(json.info);
	expect(info).toMatchObject({
		seed: 5,
		sampler_name: "Euler",
		clip_skip: 2,
		sd_model_name: MODEL,
	});
	expect(info.infotexts[0]).toBe(drawn.parameters);
});

test("img2img: strength, resizing and a mask by A1111's numbers", async () => {
	const white = Buffer.from(
		await encodeImage(rgbImage(64, 48), "png"),
	).toString("base64");
	const black = Buffer.from(
		await encodeImage(rgbImage(64, 48, new Uint8Array(64 * 48 * 3)), "png"),
	).toString("base64");
	const { json } = await post("img2img", {
		prompt: "a",
		init_images: [white],
		mask: black,
		inpainting_mask_invert: 1,
		inpainting_fill: 2,
		inpaint_full_res: false,
		mask_blur: 2,
		denoising_strength: 0.5,
		resize_mode: 0,
		steps: 4,
		width: 64,
		height: 64,
		send_images: false,
	});
	expect(json.images).toEqual([]);
	const { jobs } = (await server.get("/api/jobs", headers)).json;
	expect(jobs[0].images[0].options).toMatchObject({
		strength: 0.5,
		resizeMode: "stretch",
		maskedContent: "noise",
		maskBlur: 2,
		onlyMasked: false,
	});
});

test.each([
	["opaque black on nothing", [0, 0, 0, 255, 255, 255, 255, 0], 0, [255, 0]],
	["the same, inverted", [0, 0, 0, 255, 255, 255, 255, 0], 1, [0, 255]],
	["white on black, opaque", [255, 255, 255, 255, 0, 0, 0, 255], 0, [255, 0]],
	["white on black, inverted", [255, 255, 255, 0, 0, 0], 1, [0, 255]],
])("masks as A1111 reads them: %s", async (_, data, invert, expected) => {
	const channels = data.length === 8 ? 4 : 3;
	const mask = await sharp(Uint8Array.from(data), {
		raw: { width: 2, height: 1, channels },
	})
		.png()
		.toBuffer();
	const picture = await encodeImage(rgbImage(2, 1), "png");
	const { options } = await a1111Request(
		{
			prompt: "a",
			init_images: [Buffer.from(picture).toString("base64")],
			mask: mask.toString("base64"),
			inpainting_mask_invert: invert,
		},
		{ fromPicture: true, chosen: {}, limits: DEFAULT_LIMITS },
	);
	expect([...(options.mask?.data ?? [])]).toEqual(
		expected.flatMap((byte) => [byte, byte, byte]),
	);
});

/** A busy machine takes longer than a second. */
const WAIT = { timeout: 30_000 };

test.each([
	["txt2img", { steps: 999 }, /^steps: 999 is over/],
	["txt2img", { cfg_scale: "x" }, /^cfg_scale: "x" is not/],
	["txt2img", { sampler_name: "none" }, /^sampler_name: unknown sampler/],
	["txt2img", { alwayson_scripts: { ControlNet: {} } }, /^alwayson_scripts: /],
	["txt2img", { scheduler: "Karras" }, /^scheduler: it goes with/],
	[
		"txt2img",
		{ sampler_name: "Euler", scheduler: "Foo" },
		/^sampler_name: unknown sampler/,
	],
	[
		"txt2img",
		{ enable_hr: true, hr_upscaler: "R-ESRGAN 4x+" },
		/^hr_upscaler: "R-ESRGAN 4x\+" is not here; there are Latent and Lanczos/,
	],
	[
		"txt2img",
		{ enable_hr: true, hr_scale: 2, hr_resize_x: 768, hr_resize_y: 0 },
		/^hr_resize_x: this server does not have it/,
	],
	[
		"txt2img",
		{ enable_hr: true, steps: 20, hr_second_pass_steps: 10 },
		/^hr_second_pass_steps: this server does not have it/,
	],
	[
		"txt2img",
		{ override_settings: { sd_model_checkpoint: 5 } },
		/^override_settings: sd_model_checkpoint: /,
	],
	[
		"txt2img",
		{ override_settings: { CLIP_stop_at_last_layers: 50 } },
		/^CLIP_stop_at_last_layers less one: 49 is not a whole number from 0 to 2/,
	],
	["img2img", { init_images: [] }, /^init_images: /],
	[
		"img2img",
		{ init_images: ["x"], resize_mode: 7 },
		/^resize_mode: 7 is not one of 0 \(stretch\), 1 \(crop\), 2 \(fit\)/,
	],
	["img2img", { init_images: ["http://example.org/a.png"] }, /^init_images: /],
	[
		"options",
		{ sd_model_checkpoint: "none" },
		/sd_model_checkpoint: .* is not served/,
	],
	["png-info", { image: "/etc/passwd" }, /^image: /],
])("%s %j is refused in A1111's words", async (path, wrong, message) => {
	const { status, json } = await post(path, { prompt: "a", ...wrong });
	expect(status).toBe(400);
	expect(json.detail).toMatch(message);
});

test("an empty body that is called JSON is none: an interrupt is heard, a request to draw refused", async () => {
	const send = (path: string) =>
		fetch(`${server.url}/sdapi/v1/${path}`, {
			method: "POST",
			headers: { ...headers, "content-type": "application/json" },
		});
	expect((await send("interrupt")).status).toBe(200);
	const refused = await send("txt2img");
	expect([refused.status, await refused.json()]).toMatchObject([
		400,
		{ detail: "the body is no JSON object" },
	]);
	const poison = await fetch(`${server.url}/sdapi/v1/txt2img`, {
		method: "POST",
		headers: { ...headers, "content-type": "application/json" },
		body: '{"prompt": "a", "__proto__": {"x": 1}}',
	});
	expect(poison.status).toBe(400);
});

test("lists and options tell names, no paths", async () => {
	expect((await get("sd-models")).json).toMatchObject([
		{ model_name: MODEL, filename: MODEL },
	]);
	expect((await get("schedulers")).json[1]).toMatchObject({
		name: "karras",
		label: "Karras",
	});
	expect((await post("options", { CLIP_stop_at_last_layers: 2 })).status).toBe(
		200,
	);
	expect((await get("options")).json).toMatchObject({
		CLIP_stop_at_last_layers: 2,
	});
	await post("options", { CLIP_stop_at_last_layers: 1 });
});

test("of several runs that go on, progress and interrupt are about the one that came first", async () => {
	const both = await startServer({ batch: 2 });
	const body = { ...long, n_iter: long.numImages, width: 64, height: 64 };
	const draw = (seed: number) =>
		both.post("/sdapi/v1/txt2img", { ...body, seed });
	const progress = async () =>
		(await both.get("/sdapi/v1/progress?skip_current_image=false")).json;
	const running = () => both.queue.count("running");
	const first = draw(1);
	await expect.poll(running, WAIT).toBe(1);
	const { job } = (await progress()).state;
	const second = draw(2);
	await expect.poll(running, WAIT).toBe(2);
	await expect
		.poll(async () => (await progress()).state, WAIT)
		.toMatchObject({
			job,
			sampling_step: expect.toSatisfy((step: number) => step > 0),
			sampling_steps: 150,
			job_count: 10,
		});
	expect((await progress()).progress).toBeLessThan(1);
	await both.post("/sdapi/v1/interrupt");
	expect((await first).json.images.length).toBeLessThan(10);
	expect(running()).toBe(1);
	const { state } = await progress();
	expect(state.job).toMatch(/./);
	expect(state.job).not.toBe(job);
	await both.post("/sdapi/v1/interrupt");
	expect((await second).status).toBe(200);
	expect(await progress()).toMatchObject({
		progress: 0,
		state: { job: "", job_count: 0 },
	});
});

/** A Python that has webuiapi, and what it needs to find it; undefined where it cannot be had. */
function pythonWithClient():
	| { python: string; PYTHONPATH: string }
	| undefined {
	const python = process.env.FDIFF_TEST_PYTHON ?? "python3";
	const has = (PYTHONPATH: string) =>
		spawnSync(python, ["-c", "import webuiapi, PIL, requests"], {
			env: { ...process.env, PYTHONPATH },
		}).status === 0;
	if (has("")) return { python, PYTHONPATH: "" };
	const folder = emptyFolder();
	spawnSync(
		python,
		["-m", "pip", "install", "--quiet", "--target", folder, "webuiapi==0.9.17"],
		{ timeout: 90_000 },
	);
	return has(folder) ? { python, PYTHONPATH: folder } : undefined;
}

const client = pythonWithClient();
if (!client)
	console.warn(
		"PyPI's webuiapi cannot be installed here: A1111's API is NOT tried with it",
	);

describe.skipIf(!client)("PyPI's webuiapi", () => {
	test("draws, edits, sees how far it is, and stops", async () => {
		const { stdout } = await promisify(execFile)(
			client?.python ?? "",
			[
				join(import.meta.dirname, "webuiapi_client.py"),
				new URL(server.url).port,
				KEY,
			],
			{ env: { ...process.env, PYTHONPATH: client?.PYTHONPATH } },
		);
		const told = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
		expect(told.sizes).toEqual([
			[64, 64],
			[64, 64],
		]);
		expect(told.info).toMatchObject({
			all_seeds: [5, 6],
			sampler_name: "DPM++ 2M",
			cfg_scale: 5,
			steps: 3,
			negative_prompt: "blue",
		});
		expect(told.parameters).toContain("Schedule type: Karras");
		expect(told.pngInfo.info).toBe(told.parameters);
		expect(told.pngInfo.parameters).toMatchObject({
			Seed: "5",
			"CFG scale": "5",
		});
		expect(told.kept).toEqual([128, 128, 128]);
		expect(told.redrawn).not.toEqual([128, 128, 128]);
		expect(told.samplers).toContain("Euler a");
		expect(told.models).toEqual([
			expect.stringMatching(/^tiny \[[0-9a-f]{10}\]$/),
		]);
		expect(told.options.sd_model_checkpoint).toBe(told.models[0]);
		expect(told.idle).toMatchObject({ progress: 0, current_image: null });
		expect(told.progress.progress).toBeGreaterThan(0);
		expect(told.progress.state.sampling_step).toBeGreaterThanOrEqual(5);
		expect(told.preview).toEqual([8, 8]);
		expect(told.interrupted).toBeLessThan(10);
		expect(told.errors.map(([status]: [number]) => status)).toEqual([
			400, 400, 400, 400,
		]);
	});
});
