import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type BundledSite, bundledSite } from "./bundle.js";
import {
	hasChromium,
	openChromium,
	openWithoutStorage,
	pagesMemory,
} from "./chromium.js";
import { openPage } from "./openPage.js";
import { type Site, type SiteAnswer, serveSite } from "./siteServer.js";

const models = join(import.meta.dirname, "..", "models");
const tiny = {
	prompt: "a red apple",
	seed: 7,
	steps: 1,
	width: 64,
	height: 64,
};
const unet = "unet/diffusion_pytorch_model.safetensors";

let site: BundledSite;
let server: Site;
let browser: Browser;

beforeAll(async () => {
	if (!hasChromium) return;
	site = await bundledSite("drawWorker.ts");
	server = await serveSite({
		folders: {
			...site.folders,
			tiny: models,
			huge: join(models, "tiny-sd"),
			large: join(models, "tiny-sd"),
		},
		answer: ({ url = "", headers: { range = "" } }) =>
			url === `/huge/${unet}`
				? partOf(4000, range)
				: url === `/large/${unet}`
					? partOf(200, range)
					: undefined,
	});
	browser = await openChromium({ args: ["--js-flags=--expose-gc"] });
});
afterAll(async () => {
	await browser?.close();
	await server?.close();
	await site?.[Symbol.asyncDispose]();
});

/** A UNet's file that says it has so many times 2 MB, of which there is nothing but the header. */
function partOf(count: number, range: string): SiteAnswer {
	const file = readFileSync(join(models, "tiny-sd", unet));
	const length = Number(file.readBigUInt64LE());
	const header = JSON.parse(file.subarray(8, 8 + length).toString());
	const name = "huge.weight";
	const at = file.length - 8 - length;
	header[name] = {
		dtype: "F16",
		shape: [64, 4, 4000, count],
		data_offsets: [at, at + 2 * 64 * 4 * 4000 * count],
	};
	const json = Buffer.from(JSON.stringify(header));
	const head = Buffer.alloc(8 + json.length);
	head.writeBigUInt64LE(BigInt(json.length));
	json.copy(head, 8);
	const size = head.length + header[name].data_offsets[1];
	if (!range) return { headers: { "content-length": String(size) } };
	const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(range) ?? [];
	const start = Number(from ?? 0);
	return {
		status: 206,
		headers: { "content-range": `bytes ${start}-${to ?? start}/${size}` },
		body: head.subarray(start, Number(to ?? start) + 1),
	};
}

test.skipIf(!hasChromium)(
	"memory stays as it is over 50 pictures",
	async () => {
		const { call, page } = await openPage(browser, server.url);
		await call("load", undefined, {});
		await call("drawMany", tiny, 10);
		const before = await pagesMemory(browser);
		await call("drawMany", tiny, 50);
		const after = await pagesMemory(browser);
		console.log(
			`50 pictures: ${(before / 1e6).toFixed(0)} MB, then ${(after / 1e6).toFixed(0)} MB`,
		);
		expect(after - before).toBeLessThan(20e6);
		await page.close();
	},
);

test.skipIf(!hasChromium)(
	"a model that is too large is refused with the numbers before its weights are fetched",
	async () => {
		const { page, tell } = await openPage(browser, server.url);
		server.requests.length = 0;
		const { error } = await tell("load", "/huge", { device: "wasm" });
		expect(error).toMatchObject({ option: "device" });
		expect(error?.message).toMatch(
			/huge\/ needs 16\.\d\d GB for its unet and about 500 MB to compute with, but wasm has 4\.29 GB: use webgpu, or a smaller model$/,
		);
		expect(
			server.requests.filter(
				(request) =>
					request.startsWith("GET") &&
					/safetensors/.test(request) &&
					!/bytes=\d+-\d+$/.test(request),
			),
		).toEqual([]);
		await page.close();
	},
);

test.skipIf(!hasChromium)(
	"a large model says why it is not drawn on a graphics device, where there is none",
	async () => {
		const { page, tell } = await openPage(browser, server.url);
		const { told } = await tell("load", "/large", { retryDelay: 1 });
		expect(told).toContainEqual({
			notice: expect.stringMatching(
				/large\/ is drawn on the processor \(wasm\), which takes long: this browser has no WebGPU here$/,
			),
		});
		await page.close();
	},
);

test.skipIf(!hasChromium)(
	"a page that is not isolated says that it draws with one thread",
	async () => {
		const { page, tell } = await openPage(browser, server.url);
		const { told } = await tell("load", "/tiny/tiny-sd", { threads: 2 });
		expect(told).toContainEqual({
			notice: expect.stringMatching(
				/^this page is not cross-origin isolated, so that WebAssembly computes with one thread: /,
			),
		});
		await page.close();
	},
);

test.skipIf(!hasChromium)(
	"a tab that was frozen while it drew goes on when it is shown again",
	async () => {
		const { page, call } = await openPage(browser, server.url);
		await call("load", "/tiny/tiny-sd", {});
		const devtools = await page.context().newCDPSession(page);
		const drawing = call("draw", { ...tiny, steps: 200 });
		await devtools.send("Page.setWebLifecycleState", { state: "frozen" });
		await new Promise((resolve) => setTimeout(resolve, 1500));
		await devtools.send("Page.setWebLifecycleState", { state: "active" });
		expect(await drawing).toMatchObject({ seconds: expect.any(Number) });
		await page.close();
	},
);

test.skipIf(!hasChromium)(
	"where storage is denied a notice says so, and the model is drawn with all the same",
	async () => {
		await using denied = await openWithoutStorage();
		const { call, tell } = await openPage(denied.context, server.url);
		const loaded = await tell("load", "/tiny/tiny-sd", {});
		expect(loaded.error).toBeUndefined();
		expect(loaded.told).toContainEqual({
			notice: expect.stringMatching(
				/^this browser keeps no files for this page \(a private window, storage that is switched off/,
			),
		});
		await call("draw", tiny);
		expect(await call("models")).toEqual([]);
		expect((await tell("remove", "/tiny/tiny-sd/")).error?.message).toMatch(
			/is not kept in this browser/,
		);
	},
);
