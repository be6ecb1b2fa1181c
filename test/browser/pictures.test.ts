import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
	type GenerateOptions,
	loadPipeline,
	type Pipeline,
	parametersOf,
} from "../../src/index.js";
import { psnr } from "../../src/metrics.js";
import { type BundledSite, bundledSite } from "./bundle.js";
import { hasChromium, openChromium } from "./chromium.js";
import { type OpenPage, openPage } from "./openPage.js";
import { serveSite } from "./siteServer.js";

const asked = { prompt: "a red apple", seed: 7, steps: 6 };
/** Half of the embedded model's width and height: a graphics device in software takes seconds for a step. */
const small = { width: 64, height: 64 };

const samplers = [
	"ddim",
	"dpm-solver++",
	"dpm-solver++-sde",
	"euler",
	"euler-a",
	"heun",
	"pndm",
	"unipc",
] as const;
/** One of each kind: extrapolated features, blocks left out, tokens merged. */
const plans = ["paper@1", "deepcache:2", "tome:0.5"];
const runs: GenerateOptions[] = [
	...samplers.map((sampler) => ({ ...asked, ...small, sampler })),
	...plans.map((keySteps) => ({ ...asked, ...small, keySteps })),
	{ ...asked, steps: 3 },
];
/** A graphics device in software takes seconds for a step, and more for its programs; FDIFF_TEST_ALL draws all the others on it too. */
const onGraphics: GenerateOptions[] = [
	{ ...asked, ...small, steps: 2, sampler: "ddim" },
	{ ...asked, ...small, steps: 2, sampler: "euler-a" },
	{ ...asked, ...small, steps: 3, keySteps: "0,1" },
];

let site: BundledSite;
let node: Pipeline;
const drawn = new Map<string, Promise<Drawn>>();

interface Drawn {
	readonly image: {
		readonly width: number;
		readonly height: number;
		readonly data: Uint8Array;
	};
	readonly noise: readonly number[];
}

beforeAll(async () => {
	site = await bundledSite("drawWorker.ts");
	node = await loadPipeline();
});
afterAll(async () => {
	await node?.release();
	await site?.[Symbol.asyncDispose]();
});

/** What Node draws. */
function drawnByNode(options: GenerateOptions): Promise<Drawn> {
	const key = JSON.stringify(options);
	const known = drawn.get(key);
	if (known) return known;
	const drawing = node.generate(options).then(([{ image, initialNoise }]) => ({
		image: { ...image, data: new Uint8Array(image.data) },
		noise: [...initialNoise.data.slice(0, 8)],
	}));
	drawn.set(key, drawing);
	return drawing;
}

async function expectSame(
	{ call }: OpenPage,
	options: GenerateOptions,
): Promise<void> {
	const expected = await drawnByNode(options);
	const { pixels, noise } = await call<{ pixels: number[]; noise: number[] }>(
		"draw",
		options,
	);
	expect(noise).toEqual(expected.noise);
	const image = { ...expected.image, data: Uint8Array.from(pixels) };
	expect(psnr(image, expected.image), JSON.stringify(options)).toBeGreaterThan(
		60,
	);
}

describe.skipIf(!hasChromium).each([
	{ isolated: false, threads: 1 },
	{ isolated: true, threads: 2 },
])("on WebAssembly, %o", ({ isolated, threads }) => {
	test("a worker draws what Node draws", async () => {
		await using server = await serveSite({ folders: site.folders, isolated });
		const browser = await openChromium();
		try {
			const opened = await openPage(browser, server.url);
			const model = await opened.call<Record<string, unknown>>(
				"load",
				undefined,
				{ threads },
			);
			expect(model).toMatchObject({
				label: "emoji",
				hash: node.hash,
				engine: "onnxruntime-web",
				isolated,
			});
			for (const options of isolated ? runs.slice(-4) : runs)
				await expectSame(opened, options);
			if (isolated) return;

			// a file that says how it was made, which Node reads
			const png = Uint8Array.from(await opened.call<number[]>("png", runs[0]));
			expect(await parametersOf(png, "page.png")).toMatch(
				/^a red apple\nSteps: 6, Sampler: DDIM.*Engine: onnxruntime-web/s,
			);
			// the step that was under way ends, and no other begins
			expect(await opened.call("cancel", asked, 2)).toEqual({
				steps: 2,
				name: "AbortError",
			});
			const wrong = opened.call("draw", { ...asked, steps: 0 });
			await expect(wrong).rejects.toMatchObject({ option: "steps" });
			await opened.call("release");
			await expectSame(opened, runs[0]);

			// more than WebAssembly's operator can count in 32 bits
			const tokens = 4096;
			const whole = opened.call("attention", "fused", tokens);
			await expect(whole).rejects.toThrow(/SafeIntOnOverflow/);
			expect(await opened.call("attention", "sliced", tokens)).toMatchObject({
				dims: [1, tokens, 64],
			});
			const few = await opened.call<{ first: number[] }>(
				"attention",
				"fused",
				1000,
			);
			expect(
				(await opened.call<{ first: number[] }>("attention", "sliced", 1000))
					.first,
			).toEqual(few.first.map((value) => expect.closeTo(value, 5)));
		} finally {
			await browser.close();
		}
	});
});

test.skipIf(!hasChromium)(
	"a graphics device in software computes attention wrongly in subgroups; without them it draws what Node draws",
	async () => {
		await using server = await serveSite({ folders: site.folders });
		const browser = await openChromium({ webgpu: true });
		try {
			const opened = await openPage(browser, server.url);
			const first = await opened.call<{
				avoided: string[];
				checks: [string, string][];
			}>("check", "webgpu");
			expect(first.avoided).toEqual(["subgroups"]);
			const [[key, wrong], [, right]] = first.checks;
			expect(key).toContain("swiftshader");
			expect(wrong).toMatch(/^attention, heads of \d+ \(off by 0?\.\d+\)/);
			expect(right).toBe("");
			// what was found is remembered
			const again = await opened.call<{ avoided: string[]; seconds: number }>(
				"check",
				"webgpu",
			);
			expect(again.avoided).toEqual(["subgroups"]);
			expect(again.seconds).toBeLessThan(2);

			await opened.call("load", undefined, { device: "webgpu" });
			for (const options of process.env.FDIFF_TEST_ALL ? runs : onGraphics)
				await expectSame(opened, options);
		} finally {
			await browser.close();
		}
	},
	600_000,
);
