import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
	type GenerateOptions,
	loadPipeline,
	type Pipeline,
} from "../../src/index.js";
import { psnr } from "../../src/metrics.js";
import { type BundledSite, bundledSite } from "./bundle.js";
import { hasChromium, openChromium } from "./chromium.js";
import { type OpenPage, openPage } from "./openPage.js";
import { type Site, serveSite } from "./siteServer.js";

const models = join(import.meta.dirname, "..", "models");
const side = 64;
/** A picture, as a list of bytes for the page and as bytes for Node. */
const bytes = Array.from(
	{ length: 3 * side * side },
	(_, i) => (i * 7 + Math.floor(i / 192) * 3) % 256,
);
const picture = { width: side, height: side, data: bytes };
/** White in the lower half. */
const mask = {
	...picture,
	data: bytes.map((_, i) => (i < bytes.length / 2 ? 0 : 255)),
};
const run = {
	prompt: "a red apple",
	seed: 5,
	steps: 3,
	width: side,
	height: side,
};

let site: BundledSite;
let server: Site;
let browser: Browser;
let opened: OpenPage;

beforeAll(async () => {
	if (!hasChromium) return;
	site = await bundledSite("drawWorker.ts");
	server = await serveSite({ folders: { ...site.folders, tiny: models } });
	browser = await openChromium();
	opened = await openPage(browser, server.url);
});
afterAll(async () => {
	await browser?.close();
	await server?.close();
	await site?.[Symbol.asyncDispose]();
});

type Run = Record<string, unknown>;

/** That the page draws what Node draws, with files where the page has addresses. */
async function expectSame(node: Pipeline, options: Run): Promise<void> {
	const adapters = (name: string, at: (file: string) => object) =>
		(options[name] as { file: string }[] | undefined)?.map(
			({ file, ...one }) => ({ ...one, ...at(file) }),
		);
	type Pictures = typeof picture | readonly (typeof picture)[];
	const inBytes = (given: Pictures): unknown =>
		Array.isArray(given)
			? given.map(inBytes)
			: { ...given, data: Uint8Array.from((given as typeof picture).data) };
	const pictures = ["initImage", "mask", "controlImage"].flatMap((name) => {
		const given = options[name] as Pictures | undefined;
		return given ? [[name, inBytes(given)]] : [];
	});
	const [drawn] = await node.generate({
		...run,
		...options,
		...Object.fromEntries(pictures),
		loras: adapters("loras", (file) => ({
			path: join(models, "tiny-adapters", file),
		})),
		embeddings: adapters("embeddings", (file) => ({
			path: join(models, "tiny-adapters", file),
		})),
	} as GenerateOptions);
	const { pixels } = await opened.call<{ pixels: number[] }>("draw", {
		...run,
		...options,
		loras: adapters("loras", (file) => ({
			path: `/tiny/tiny-adapters/${file}`,
		})),
		embeddings: adapters("embeddings", (file) => ({
			fileAt: `/tiny/tiny-adapters/${file}`,
		})),
	});
	const image = { ...drawn.image, data: Uint8Array.from(pixels) };
	expect(
		psnr(image, { ...drawn.image, data: new Uint8Array(drawn.image.data) }),
	).toBeGreaterThan(60);
}

test.skipIf(!hasChromium)(
	"pictures to begin with, masks, LoRAs, embeddings, control nets and other autoencoders draw what they draw in Node",
	async () => {
		await using node = await loadPipeline(join(models, "tiny-sd"), {
			loraDir: join(models, "tiny-adapters"),
		});
		await opened.call("load", "/tiny/tiny-sd", {
			loraDir: "/tiny/tiny-adapters",
		});
		await expectSame(node, { initImage: picture, strength: 0.7 });
		await expectSame(node, { initImage: picture, mask, strength: 0.7 });
		await expectSame(node, { loras: [{ file: "kohya.safetensors" }] });
		await expectSame(node, {
			prompt: "a red apple <lora:loha:0.5>",
			embeddings: [{ file: "learned.safetensors", token: "odd" }],
		});

		await using steered = await loadPipeline(join(models, "tiny-sd"), {
			controlnet: join(models, "tiny-control"),
		});
		await opened.call("load", "/tiny/tiny-sd", {
			controlnet: "/tiny/tiny-control",
		});
		await expectSame(steered, { controlImage: picture, controlScale: 0.8 });

		await using tiny = await loadPipeline(join(models, "tiny-sd"), {
			vae: join(models, "tiny-taesd"),
			controlnet: [
				join(models, "tiny-control.single.safetensors"),
				join(models, "tiny-control2"),
			],
		});
		const many = {
			vae: "/tiny/tiny-taesd/",
			controlnet: [
				"/tiny/tiny-control.single.safetensors",
				"/tiny/tiny-control2",
			],
		};
		await opened.call("load", "/tiny/tiny-sd", many);
		await expectSame(tiny, { controlImage: [picture, picture] });

		await using embedded = await loadPipeline();
		await opened.call("load");
		const [iced] = await embedded.generate({
			...run,
			loras: [{ path: "ice" }],
		});
		const { pixels } = await opened.call<{ pixels: number[] }>("draw", {
			...run,
			loras: [{ path: "ice" }],
		});
		expect(
			psnr(
				{ ...iced.image, data: Uint8Array.from(pixels) },
				{ ...iced.image, data: new Uint8Array(iced.image.data) },
			),
		).toBeGreaterThan(60);

		// whatever was fetched is kept, apart from what the same folder gave as a whole model
		const kept = await opened.call<{ name: string }[]>("models");
		expect(kept.map(({ name }) => name.replace(server.url, ""))).toEqual(
			expect.arrayContaining(["/tiny/tiny-sd/", "/tiny/tiny-taesd/#part vae"]),
		);
		server.requests.length = 0;
		await opened.call("load", "/tiny/tiny-sd", many);
		expect(server.requests).toEqual([]);
	},
);

test.skipIf(!hasChromium)(
	"what is no such part, or for another kind of model, is refused under its option",
	async () => {
		const refused = async (options: object) =>
			(await opened.tell("load", "/tiny/tiny-sd", options)).error;
		expect(await refused({ controlnet: "/tiny/tiny-taesd/" })).toMatchObject({
			option: "controlnet",
			message: expect.stringMatching(/tiny-taesd\/ is no control net/),
		});
		expect(await refused({ vae: "/tiny/nothing/" })).toMatchObject({
			option: "vae",
			message: expect.stringMatching(/nothing\/ has no .*safetensors/),
		});
		expect(await refused({ vae: 7 })).toMatchObject({
			option: "vae",
			message:
				"vae: 7 is neither an address, a Hub id, nor what the user picked",
		});
		expect(await refused({ engine: "openvino" })).toMatchObject({
			option: "engine",
		});
		expect(await refused({ loraDir: "/tiny/a.safetensors" })).toMatchObject({
			option: "loraDir",
		});
		await opened.call("load", "/tiny/tiny-sd", {
			loraDir: "/tiny/tiny-adapters/",
		});
		const draw = async (options: object) =>
			(await opened.tell("draw", { ...run, ...options })).error;
		expect(await draw({ prompt: "<lora:missing>" })).toMatchObject({
			option: "prompt",
			message: expect.stringMatching(/missing\.safetensors answers 404/),
		});
		expect(await draw({ prompt: "<lora:../tiny-sd>" })).toMatchObject({
			option: "prompt",
		});
		expect(
			await draw({ loras: [{ path: "/tiny/tiny-adapters/nothing/" }] }),
		).toMatchObject({
			option: "loras",
			message: expect.stringMatching(/holds no adapter/),
		});
	},
);

test.skipIf(!hasChromium)(
	"files and folders that the user picks or drops are read where they are, and files that lost their places say so",
	async () => {
		const { page, call, tell } = opened;
		await page.setInputFiles(
			"#file",
			join(models, "tiny-sd.single.safetensors"),
		);
		await page.setInputFiles("#folder", join(models, "tiny-sd"));
		server.requests.length = 0;
		expect(await call("load", { picked: "folder" })).toMatchObject({
			label: "tiny-sd",
		});
		const folder = await call("draw", run);
		expect(folder).toMatchObject({ seconds: expect.any(Number) });
		expect((await tell("load", { picked: "bare" })).error?.message).toMatch(
			/do not tell their places in their folder any more.*new Map/,
		);
		expect(server.requests.filter((one) => /tiny/.test(one))).toEqual([]);
		expect(
			await call("load", { picked: "file" }, { config: "/tiny/tiny-sd/" }),
		).toMatchObject({ label: "tiny-sd.single.safetensors" });
		await call("draw", run);

		// LoRAs that prompts name, of a folder that was picked
		await page.setInputFiles("#folder", join(models, "tiny-adapters"));
		await call("load", "/tiny/tiny-sd/", { loraDir: { picked: "folder" } });
		await call("draw", { ...run, prompt: "a red apple <lora:kohya:0.5>" });
		expect(
			(await tell("draw", { ...run, prompt: "<lora:none>" })).error?.message,
		).toBe(
			"prompt: the prompt names the LoRA none, which is none of the files picked",
		);

		const devtools = await page.context().newCDPSession(page);
		const drop = async (file: string) => {
			for (const type of ["dragEnter", "dragOver", "drop"] as const)
				await devtools.send("Input.dispatchDragEvent", {
					type,
					x: 200,
					y: 200,
					data: { items: [], files: [file], dragOperationsMask: 1 },
				});
		};
		await drop(join(models, "tiny-sd"));
		expect(await call("load", { picked: "dropped" })).toMatchObject({
			label: "tiny-sd",
		});
		// as browsers without handles of what is dropped have it
		await page.evaluate(
			"delete DataTransferItem.prototype.getAsFileSystemHandle",
		);
		await drop(join(models, "tiny-sd"));
		expect(await call("load", { picked: "dropped" })).toMatchObject({
			label: "tiny-sd",
		});
		await call("draw", run);
		await drop(join(models, "tiny-sd.single.safetensors"));
		expect(
			await call("load", { picked: "dropped" }, { config: "/tiny/tiny-sd/" }),
		).toMatchObject({ label: "tiny-sd.single.safetensors" });
	},
);
