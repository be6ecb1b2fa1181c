import { execFileSync } from "node:child_process";
import {
	appendFileSync,
	cpSync,
	mkdirSync,
	mkdtempSync,
	readFileSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { parseMethods } from "../../src/evaluation/methods/method.js";
import {
	readRun,
	writeResults,
} from "../../src/evaluation/results/nodeWriteResults.js";
import type { Results } from "../../src/evaluation/results/results.js";
import { drawMissing } from "../../src/evaluation/run/nodeDrawMissing.js";
import { imagePath } from "../../src/evaluation/run/nodeImagePath.js";
import { mergeRuns } from "../../src/evaluation/run/nodeMerge.js";
import {
	type EvaluationRequest,
	openEvaluationPipeline,
	prepareRun,
} from "../../src/evaluation/run/nodePrepareRun.js";
import { onnxRuntime } from "../../src/runtime/onnxruntime/nodeOnnxRuntime.js";
import { openModel } from "../../src/weights/nodeOpenModel.js";
import { resultsOf, tinyDataset } from "./tinyRun.js";

const models = join(import.meta.dirname, "..", "models");
const folder = mkdtempSync(join(tmpdir(), "fdiff-run-"));
const dataset = join(folder, "images");
const whole = join(folder, "whole");

const request = (
	out: string,
	changed: Partial<EvaluationRequest> = {},
): EvaluationRequest => ({
	out,
	protocol: "every-image",
	dataset: { folder: dataset },
	methods: parseMethods(
		"ddim-3+keys:0 ddim-3 ddim-3+fewer-flops:keys:0 ddim-3+deepcache:2:1 ddim-3+paper",
	),
	model: join(models, "tiny-sd"),
	modelOptions: { threads: 1 },
	scoring: { clip: join(models, "tiny-clip"), threads: 1 },
	common: { width: 64, height: 64 },
	seed: 0,
	keepImages: 2,
	...changed,
});

async function draw(wanted: EvaluationRequest): Promise<void> {
	const run = await prepareRun(wanted);
	try {
		await drawMissing(run);
	} finally {
		await run.release();
	}
}

let results: Results;
beforeAll(async () => {
	await tinyDataset(dataset);
	await draw(request(whole));
	results = await writeResults(whole);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the autoencoder that is named draws, and is another run's; what an evaluation has no use for is refused", async () => {
	const model = join(models, "tiny-sd");
	const own = await openEvaluationPipeline(model, { threads: 1 });
	const named = await openEvaluationPipeline(model, {
		threads: 1,
		vae: join(models, "tiny-taesd"),
	});
	expect(named.hashes).toEqual({
		...own.hashes,
		vae: expect.not.stringMatching(own.hashes.vae),
	});
	const options = { prompt: "a", steps: 1, width: 64, height: 64, seed: 1 };
	const [[first], [second]] = await Promise.all(
		[own, named].map(({ pipeline }) => pipeline.generate(options)),
	);
	expect(second.latents.data).toEqual(first.latents.data);
	expect(second.image.data).not.toEqual(first.image.data);
	for (const { pipeline } of [own, named]) await pipeline.release();
	for (const name of ["controlnet", "loraDir"])
		await expect(
			openEvaluationPipeline(model, { [name]: "x" }),
		).rejects.toThrow(`${name}: `);
	const run = prepareRun(
		request(whole, { modelOptions: { vae: join(models, "tiny-taesd") } }),
	);
	await expect(run).rejects.toThrow(/is of another run.*model\.vae/);
});

test("every method encodes its caption: none is timed with what another one has paid for", async () => {
	const { createSession } = onnxRuntime;
	let encoded = 0;
	const spy = vi
		.spyOn(onnxRuntime, "createSession")
		.mockImplementation(async (...network) => {
			const session = await createSession(...network);
			return {
				...session,
				run(inputs) {
					if (session.inputs.includes("input_ids")) encoded++;
					return session.run(inputs);
				},
			};
		});
	try {
		const { pipeline } = await openEvaluationPipeline(join(models, "tiny-sd"), {
			threads: 1,
		});
		const options = { prompt: "a", steps: 1, width: 64, height: 64, seed: 1 };
		for (let method = 0; method < 3; method++) await pipeline.generate(options);
		await pipeline.release();
	} finally {
		spy.mockRestore();
	}
	expect(encoded).toBe(3);
});

describe("a run", () => {
	test("has a row for each method, in the order they were given, with what it cost", () => {
		expect(
			results.methods.map(({ name, steps, encoderRuns, evaluations }) => [
				name,
				steps,
				encoderRuns,
				evaluations,
			]),
		).toEqual([
			["ddim-3+keys:0", 3, 1, 3],
			["ddim-3", 3, 3, 3],
			["ddim-3+fewer-flops:keys:0", 2, 2, 2],
			["ddim-3+deepcache:2:1", 3, 2, 3],
			// of so few steps all are the paper's key steps
			["ddim-3+paper", 3, 3, 3],
		]);
		const [propagated, plain, fewer] = results.methods;
		expect(propagated.flops).toBeLessThan(plain.flops);
		expect(fewer.flops).toBeCloseTo((plain.flops * 2) / 3, -3);
		expect(plain.difference).toBeUndefined();
		expect(propagated.difference?.to).toBe("ddim-3");
		expect(propagated.fidelity?.ssim.value).toBeLessThan(1);
		expect(propagated.timing.speedup?.value).toBeGreaterThan(0);
	});

	test("holds each accelerated method against the paper's key steps, paired by caption", () => {
		const [propagated, , , , paper] = results.methods;
		expect(paper.fidelity).toMatchObject({ to: "ddim-3", identical: 4 });
		expect(paper.difference?.clipFrechet?.value).toBe(0);
		expect(results.comparisons.map(({ method, to }) => [method, to])).toEqual([
			["ddim-3+keys:0", "ddim-3+paper"],
			["ddim-3+fewer-flops:keys:0", "ddim-3+paper"],
			["ddim-3+deepcache:2:1", "ddim-3+paper"],
		]);
		// here that is the plain run itself
		const [compared] = results.comparisons;
		const { difference } = propagated;
		expect(compared.clipScore).toEqual(difference?.clipScore);
		expect(compared.clipFrechet).toEqual(difference?.clipFrechet);
		expect(compared.clipFrechet?.value).not.toBe(0);
	});

	test("the report escapes captions, shows the kept images and needs nothing outside it", () => {
		const html = readFileSync(join(whole, "report.html"), "utf8");
		expect(html).toContain("&lt;b&gt;painted&lt;/b&gt;");
		expect(html).not.toContain("<b>painted");
		expect(html).not.toMatch(/<script|(?:src|href)="(?!data:|#)/);
		expect(html.match(/<svg/g)?.length).toBe(3);
		expect(html).toContain("data:image/png;base64,");
		const markdown = readFileSync(join(whole, "results.md"), "utf8");
		expect(markdown).toMatch(/^# Results\n/);
		expect(markdown.split("\n")).toContain(
			"| Method | Steps | Fréchet distance (CLIP features) | CLIP score | s/image |",
		);
		const csv = readFileSync(join(whole, "results.csv"), "utf8").split("\n");
		expect(csv[0]).toMatch(/^method,sampler,steps,images,fid,/);
		expect(csv.length).toBe(7);
	});

	test("a kept image that became a pipe, an endless device or a folder is left out of the report", async () => {
		const out = join(folder, "odd-images");
		cpSync(whole, out, { recursive: true });
		const [first, second, third] = results.methods.map(({ name }) =>
			imagePath(out, name, 0),
		);
		for (const path of [first, second, third]) rmSync(path);
		execFileSync("mkfifo", [first]);
		symlinkSync("/dev/zero", second);
		mkdirSync(third);
		await writeResults(out);
		const html = (of: string) => readFileSync(join(of, "report.html"), "utf8");
		const shown = (of: string) => html(of).match(/data:image\/png/g)?.length;
		expect(html(out)).toContain("<span>not kept</span>");
		expect(shown(out)).toBeLessThan(Number(shown(whole)) - 2);
		expect(resultsOf(out)).toEqual(resultsOf(whole));
	});

	test("of shards in folders of their own, merged, is the whole run", async () => {
		const parts = [0, 1, 2].map((index) => join(folder, `part-${index}`));
		for (const [index, out] of parts.entries())
			await draw(request(out, { shard: { index, count: 3 } }));
		const out = join(folder, "merged");
		await mergeRuns(parts.slice(1), out);
		expect((await readRun(out)).missing).toBe(
			"10 of 20 images and 2 of 4 real images are missing",
		);
		await expect(writeResults(out)).rejects.toThrow(/not complete/);
		await mergeRuns(parts, out);
		await writeResults(out);
		expect(resultsOf(out)).toEqual(resultsOf(whole));
	});

	test("of shards in one folder is the whole run too", async () => {
		const out = join(folder, "shared");
		for (const index of [1, 0])
			await draw(request(out, { shard: { index, count: 2 } }));
		await writeResults(out);
		expect(resultsOf(out)).toEqual(resultsOf(whole));
	});

	test.each([
		["protocol.captions", { seed: 1 }],
		["image.width", { common: { width: 72, height: 64 } }],
		["methods are", { methods: parseMethods("ddim-3") }],
		["image.clipSkip", { common: { width: 64, height: 64, clipSkip: 1 } }],
		["model.unet", { model: join(models, "tiny-sd2") }],
		["protocol.name", { protocol: "smoke-4" }],
	] as const)(
		"of another %s is refused by that name",
		async (field, changed) => {
			await expect(prepareRun(request(whole, changed))).rejects.toThrow(
				new RegExp(`of another run.*: ${field.replace(".", "\\.")}`),
			);
		},
	);

	test("tuned and adaptive plans: settled when the run begins, drawn in parts, the same as at once", async () => {
		const model = join(folder, "tuned-model");
		cpSync(join(models, "tiny-sd"), model, { recursive: true });
		const plan = join(model, "plans", "plan.json");
		const { hash } = await openModel(model, {});
		mkdirSync(join(model, "plans"));
		writeFileSync(
			plan,
			JSON.stringify({
				sampler: "ddim",
				steps: 5,
				states: ["full", "full", "nothing:1", "outer:1", "decoder"],
				extrapolation: { order: 1, over: "log-snr" },
				injectNoise: 0.01,
				quality: "high",
				model: hash,
			}),
		);
		const wanted = (out: string, changed: Partial<EvaluationRequest> = {}) =>
			request(out, {
				model,
				methods: parseMethods("ddim-5+auto ddim-5+adaptive:9 ddim-5"),
				// plans are tuned for the model's own size
				common: {},
				...changed,
			});
		const parts = join(folder, "tuned-parts");
		await draw(wanted(parts, { shard: { index: 1, count: 2 } }));
		const once = join(folder, "tuned");
		await draw(wanted(once));
		const { methods, definition } = await writeResults(once);
		expect(definition.methods[0]).toMatchObject({
			keySteps: "full,full,nothing:1,outer:1,decoder@1:log-snr",
			injectNoise: 0.01,
		});
		const [auto, adaptive, plain] = methods;
		expect(auto.encoderRuns).toBe(2);
		expect(adaptive.encoderRuns).toBe(4);
		expect(auto.flops).toBeLessThan(plain.flops);
		expect(auto.fidelity?.ssim.value).toBeLessThan(1);
		expect(adaptive.fidelity?.ssim.value).toBeLessThan(1);
		// the run goes on with the plan it began with, wherever the file is now
		rmSync(plan);
		await draw(wanted(parts, { shard: { index: 0, count: 2 } }));
		await writeResults(parts);
		expect(resultsOf(parts)).toEqual(resultsOf(once));
		const otherSize = { common: { width: 64, height: 64 } };
		for (const changed of [{}, otherSize])
			await expect(
				prepareRun(wanted(join(folder, "no-plan"), changed)),
			).rejects.toThrow(/ddim-5\+auto: auto: no plan was tuned for/);
	});

	test("fewer steps at equal time are not for shards, which would measure each their own", async () => {
		await expect(
			prepareRun(
				request(join(folder, "timed"), {
					methods: parseMethods("ddim-3+fewer"),
					shard: { index: 0, count: 2 },
				}),
			),
		).rejects.toThrow(/fewer-flops/);
	});

	test("broken real images are named and counted, and refused beyond the limit", async () => {
		const broken = join(folder, "broken");
		await tinyDataset(broken);
		writeFileSync(join(broken, "2.png"), "no image");
		const place = {
			dataset: { folder: broken },
			methods: parseMethods("ddim-2"),
		};
		// however often it is gone on with
		for (let turn = 0; turn < 4; turn++)
			await expect(
				draw(request(join(folder, "strict"), place)),
			).rejects.toThrow(/1 of 4 real images cannot be used/);
		const out = join(folder, "lenient");
		await draw(request(out, { ...place, limit: 0.5 }));
		const { brokenReals } = await writeResults(out);
		expect(brokenReals).toEqual([
			{ id: "2", reason: expect.stringMatching(/2\.png is no image/) },
		]);
	});

	test("broken real images of several shards count together, though each alone has few", async () => {
		const broken = join(folder, "broken-parts");
		await tinyDataset(broken);
		for (const name of ["2.png", "3.png"])
			writeFileSync(join(broken, name), "no image");
		const parts = [0, 1].map((index) => join(folder, `broken-part-${index}`));
		for (const [index, out] of parts.entries())
			await draw(
				request(out, {
					dataset: { folder: broken },
					methods: parseMethods("ddim-2"),
					limit: 0.25,
					shard: { index, count: 2 },
				}),
			);
		const out = join(folder, "broken-merged");
		await mergeRuns(parts, out);
		await expect(writeResults(out, { limit: 0.25 })).rejects.toThrow(
			/2 of 4 real images cannot be used, more than the 25 % allowed/,
		);
		const { brokenReals } = await writeResults(out, { limit: 0.5 });
		expect(brokenReals.map(({ id }) => id)).toEqual(["2", "3"]);
	});

	test("records without their run.json, and captions of another run, are refused", async () => {
		const out = join(folder, "stray");
		const wanted = request(out, { methods: parseMethods("ddim-2") });
		await draw(wanted);
		const captions = readFileSync(join(out, "captions.json"), "utf8");
		writeFileSync(
			join(out, "captions.json"),
			captions.replace("a red wall", "a pink wall"),
		);
		await expect(writeResults(out)).rejects.toThrow(
			/captions\.json is not the list/,
		);
		writeFileSync(join(out, "captions.json"), captions);
		await writeResults(out);
		rmSync(join(out, "run.json"));
		await expect(prepareRun(wanted)).rejects.toThrow(
			/has records, but .*run\.json is missing/,
		);
	});

	test("a single caption is refused before anything is drawn", async () => {
		await expect(
			prepareRun(request(join(folder, "single"), { protocol: "smoke-1" })),
		).rejects.toThrow(/smoke-1 has 1 captions; distances need at least 2/);
	});

	test("a damaged run.json is named", async () => {
		const out = join(folder, "damaged");
		await draw(request(out, { methods: parseMethods("ddim-2") }));
		appendFileSync(join(out, "run.json"), "}");
		await expect(readRun(out)).rejects.toThrow(/run\.json is no valid JSON: /);
	});
});
