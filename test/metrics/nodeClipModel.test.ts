import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { UserError } from "../../src/errors/userError.js";
import { openScorer } from "../../src/evaluation/scoring/nodeScorer.js";
import type { Pixels } from "../../src/image/resize/pixels.js";
import {
	parseClipPreprocessing,
	preprocessForClip,
} from "../../src/metrics/clipPreprocessing.js";
import { openClipModel } from "../../src/metrics/nodeClipModel.js";
import { parseClipTextConfig } from "../../src/models/clipConfig.js";
import { buildClipText } from "../../src/models/clipText.js";
import { openWeightsFile } from "../../src/weights/formats/nodeWeightsFile.js";
import { readGolden, relativeError } from "../goldenFile.js";
import { runGraph } from "../models/networkTest.js";
import { pictureBytes } from "../models/randomWeights.js";
import { startHub } from "../weights/hub/hubServer.js";

// Golden data and the model tiny-clip: test/reference/metric_networks.py (transformers).
const folder = join(import.meta.dirname, "../models/tiny-clip");
const golden = readGolden("metric_networks");

/** The script's pictures: hashed bytes by channel, here by pixel. */
const pictures: Pixels[] = [
	[50, 70],
	[64, 33],
	[32, 32],
].map(([height, width], index) => {
	const channels = pictureBytes(3 * height * width, 20 + index);
	const data = channels.map(
		(_, i) => channels[(i % 3) * height * width + Math.floor(i / 3)],
	);
	return { width, height, channels: 3, data };
});

describe("CLIP as transformers computes it", () => {
	test("preprocessing", () => {
		const options = parseClipPreprocessing({ size: 32, crop_size: 32 });
		for (const [index, picture] of pictures.entries()) {
			const expected = golden.get(`clip.pixels.${index}`)!;
			const pixels = preprocessForClip(picture, options);
			expect(relativeError(pixels, expected.data)).toBeLessThan(1e-6);
		}
	});

	test("image embeddings", async () => {
		const model = await openClipModel(folder, { threads: 1 });
		const { count, width, data } = await model.embedImages(pictures);
		const expected = golden.get("clip.image_embeds")!;
		expect([count, width]).toEqual(expected.dims);
		expect(relativeError(data, expected.data)).toBeLessThan(1e-5);
		const texts = await model.embedTexts(["a red apple", "雪"]);
		expect([texts.count, texts.width]).toEqual([2, 16]);
		await model.release();
	});

	test("weights that are not finite are an error, not a score", async () => {
		const copy = await mkdtemp(join(tmpdir(), "fdiff-clip-"));
		try {
			await cp(folder, copy, { recursive: true });
			const file = join(copy, "model.safetensors");
			const { tensors } = await openWeightsFile(file);
			const bytes = await readFile(file);
			for (const name of ["visual_projection.weight", "text_projection.weight"])
				bytes.writeFloatLE(Number.NaN, tensors.get(name)?.offset ?? 0);
			await writeFile(file, bytes);
			const model = await openClipModel(copy, { threads: 1 });
			for (const embed of [
				() => model.embedImages(pictures),
				() => model.embedTexts(["a red apple"]),
			])
				await expect(embed()).rejects.toMatchObject({
					code: "not_finite",
					message: expect.stringMatching(/CLIP embedding of a .*NaN/),
				});
			await model.release();
		} finally {
			await rm(copy, { recursive: true });
		}
	});

	test("text embeddings", async () => {
		const { default: config } = await import(
			"../models/tiny-clip/config.json",
			{ with: { type: "json" } }
		);
		const weights = await openWeightsFile(join(folder, "model.safetensors"));
		const graph = buildClipText(
			parseClipTextConfig(config),
			weights,
			{ projection: true },
			{ batch: 2, tokens: 77 },
		);
		const ids = golden.get("clip.ids")!;
		const { text_embeds } = await runGraph(graph, {
			input_ids: { dims: ids.dims, data: Int32Array.from(ids.data) },
		});
		const expected = golden.get("clip.text_embeds")!;
		expect(relativeError(text_embeds.data, expected.data)).toBeLessThan(1e-5);
	});
});

test("a model of the Hub is pulled once, then opened offline", async () => {
	const names = [
		...["config.json", "preprocessor_config.json", "model.safetensors"],
		...["vocab.json", "merges.txt"],
	];
	const files = new Map<string, Uint8Array>();
	for (const name of names)
		files.set(name, new Uint8Array(await readFile(join(folder, name))));
	const hub = await startHub("openai/tiny-clip", files);
	const cache = await mkdtemp(join(tmpdir(), "clip-hub-"));
	vi.stubEnv("HF_ENDPOINT", hub.endpoint);
	vi.stubEnv("HF_HUB_CACHE", cache);
	try {
		const embedded = async () => {
			const model = await openClipModel("openai/tiny-clip", { threads: 1 });
			const { data } = await model.embedImages(pictures.slice(0, 1));
			await model.release();
			return data;
		};
		const pulled = await embedded();
		vi.stubEnv("HF_HUB_OFFLINE", "1");
		expect(await embedded()).toEqual(pulled);
		await expect(openClipModel("openai/other")).rejects.toThrow(UserError);
	} finally {
		vi.unstubAllEnvs();
		await hub.close();
		await rm(cache, { recursive: true, force: true });
	}
});

describe("a folder that is no CLIP model", () => {
	let copy: string;
	beforeAll(async () => {
		copy = await mkdtemp(join(tmpdir(), "clip-"));
		await cp(folder, copy, { recursive: true });
	});
	afterAll(() => rm(copy, { recursive: true, force: true }));

	test.each([
		[
			"preprocessor_config.json",
			'{"size": 32, "crop_size": 16}',
			/crops to 16/,
		],
		[
			"preprocessor_config.json",
			'{"size": "x"}',
			/preprocessor_config\.json: size/,
		],
		["config.json", '{"vision_config": {"image_size": 33}}', /33/],
		["config.json", "{", /config\.json/],
	])("%s of %s is refused in one line", async (name, text, message) => {
		await cp(folder, copy, { recursive: true });
		await writeFile(join(copy, name), text);
		await expect(openClipModel(copy)).rejects.toThrow(UserError);
		await expect(openClipModel(copy)).rejects.toThrow(message);
	});

	test("missing weights and folders", async () => {
		await rm(join(copy, "model.safetensors"));
		await expect(openClipModel(copy)).rejects.toThrow(UserError);
		await expect(openClipModel(join(copy, "none"))).rejects.toThrow(
			/neither a folder nor a Hub id/,
		);
	});
});

test("networks that judge run on the processor where their engine lacks the device that the model runs on", async () => {
	const judged = async (device: "cpu" | "npu") => {
		const scorer = await openScorer({ clip: folder, device, threads: 1 });
		const { features } = await scorer.score(pictures[0]);
		await scorer.release();
		return features;
	};
	expect(await judged("npu")).toEqual(await judged("cpu"));
});
