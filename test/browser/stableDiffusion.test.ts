import { expect, test } from "vitest";
import { randomModel } from "../../bench/randomModel.js";
import { loadPipeline } from "../../src/index.js";
import { psnr } from "../../src/metrics.js";
import { bundledSite } from "./bundle.js";
import { hasChromium, openChromium, pagesMemory } from "./chromium.js";
import { openPage } from "./openPage.js";
import { serveSite } from "./siteServer.js";

/** Gigabytes and minutes: FDIFF_TEST_ALL, with weights below FDIFF_BENCH_CACHE. */
const isAsked = hasChromium && Boolean(process.env.FDIFF_TEST_ALL);
const asked = { prompt: "a red apple", seed: 7, width: 256, height: 256 };

test.skipIf(!isAsked).each([
	{ device: "wasm", options: { ...asked, steps: 2 } },
	{ device: "webgpu", options: { ...asked, width: 64, height: 64, steps: 1 } },
] as const)(
	"Stable Diffusion v1.5, random float16 weights, draws on $device what it draws in Node",
	async ({ device, options }) => {
		const folder = await randomModel("F16");
		await using site = await bundledSite("drawWorker.ts");
		await using server = await serveSite({
			folders: { ...site.folders, sd: folder },
			isolated: true,
		});
		const browser = await openChromium({ webgpu: device === "webgpu" });
		try {
			const { call } = await openPage(browser, server.url);
			const loaded = await call<{ seconds: number }>("load", "/sd/", {
				device,
			});
			const drawn = await call<{ pixels: number[]; seconds: number }>(
				"draw",
				options,
			);
			const memory = await pagesMemory(browser);
			console.log(
				`${device}: fetched and kept in ${loaded.seconds.toFixed(0)} s, drawn in ${drawn.seconds.toFixed(0)} s, ${(memory / 1e9).toFixed(1)} GB of the page at the end`,
			);
			await browser.close();
			await using node = await loadPipeline(folder);
			const [{ image }] = await node.generate(options);
			const expected = { ...image, data: new Uint8Array(image.data) };
			expect(
				psnr({ ...expected, data: Uint8Array.from(drawn.pixels) }, expected),
			).toBeGreaterThan(device === "wasm" ? 45 : 40);
		} finally {
			await browser.close();
		}
	},
	3_600_000,
);
