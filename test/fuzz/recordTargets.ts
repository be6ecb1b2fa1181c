import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { joinCaptions } from "../../src/datasets/captionedImages.js";
import { parseCaptionTable } from "../../src/datasets/captionTable.js";
import {
	parseResolvedProtocol,
	resolveProtocol,
} from "../../src/datasets/protocol.js";
import { parseMethod } from "../../src/evaluation/methods/method.js";
import { parseKind } from "../../src/evaluation/queue/nodeWorkerKind.js";
import {
	issueLine,
	jobResultSchema,
	jobSchema,
} from "../../src/evaluation/queue/queueJob.js";
import { readRecords } from "../../src/evaluation/run/nodeRecordFiles.js";
import { parseRunDefinition } from "../../src/evaluation/run/runDefinition.js";
import { crc32 } from "../../src/files/crc32.js";
import {
	decodeNpy,
	decodeNpyDoubles,
	encodeNpy,
} from "../../src/tensor/npy.js";
import { readTuningState } from "../../src/tuning/runs/nodeTuningState.js";
import { parseHubListing } from "../../src/weights/hub/hubFiles.js";
import { jsonText, mutatedBytes, mutatedJson, mutatedText } from "./mutate.js";
import { promise, target } from "./target.js";

const machine = {
	kind: "machine",
	...{ id: "m", processor: "p", cores: 2, memory: 1e9, platform: "linux" },
	...{ device: "cpu", node: "v22", runtime: "1", program: "0.1.0" },
};
const image = {
	kind: "image",
	...{ method: "ddim-5", index: 0, pixels: "0123456789abcdef", cosine: 0.2 },
	fidelity: { psnr: 30, ssim: 0.9 },
	cost: {
		...{ seconds: 1, denoisingSeconds: 1, networkSeconds: 1, flops: 1e9 },
		...{ decodingSeconds: 1, encoderRuns: 5, evaluations: 5 },
	},
	...{ machine: "m", peakMemory: 1e9 },
};
const definition = {
	format: 1,
	protocol: {
		...{ name: "smoke-2", version: 1, images: 2, reals: 2, captions: "a" },
		reals_cut: "centre square",
	},
	model: { unet: "a", textEncoder: "b", vae: "c", scheduler: "d" },
	image: {
		...{ width: 64, height: 64, guidanceScale: 7.5, negativePrompt: "" },
		rng: "cpu",
	},
	scoring: { clip: { weights: "a", width: 512, imageSize: 224 } },
	methods: [{ ...parseMethod("ddim-5+paper"), run: 0 }],
};
const entry = { imageId: "1", captionId: "2", caption: "a cup", seed: 0 };
const job = {
	methods: definition.methods,
	missing: ["ddim-5"],
	common: definition.image,
	...{ index: 0, entry, keepImage: true },
};
const kind = { model: definition.model, scoring: definition.scoring };
const result = { machine, images: [{ record: image, features: "AAAA" }] };

const tables: readonly [unknown, string][] = [
	[
		{
			images: [{ id: 1, file_name: "a.jpg", width: 4, height: 4 }],
			annotations: [{ id: 3, image_id: 1, caption: "a red apple" }],
		},
		"c.json",
	],
	[[{ image: "a.png", caption: "a" }], "c.json"],
];
const texts = [
	'image,caption\na.png,"x, y"\nb.png,z\n',
	"file_name;caption\na.png;b\n",
	'{"image":"a","caption":"b"}\n{"image":"c","caption":"d"}\n',
];

/** Text of a JSON value that was changed, read by one function. */
const json = (name: string, value: unknown, read: (text: string) => unknown) =>
	target(name, async () => ({
		make: (random) => jsonText(mutatedJson(value, random), random),
		run: read,
	}));

/** What comes over the queue: nothing that is not ours may be thrown over. */
const received = (
	name: string,
	schema: typeof jobSchema | typeof jobResultSchema,
	value: unknown,
) =>
	json(name, value, (text) => {
		let parsed: unknown;
		try {
			parsed = JSON.parse(text);
		} catch {
			return;
		}
		const { error } = schema.safeParse(parsed);
		if (error) issueLine(error);
	});

export const recordTargets = [
	target("captions", async () => ({
		make: (random) =>
			random.chance(0.5)
				? jsonText(mutatedJson(random.pick(tables)[0], random), random)
				: mutatedText(random.pick(texts), random),
		run: (text) => {
			const table = parseCaptionTable(text, "c");
			joinCaptions(table, ["a.png", "b.png", "a.jpg"], "c");
		},
	})),
	json(
		"protocol",
		{
			...{ protocol: "smoke-1", version: 1, dataset: "d", entries: [entry] },
			reals: ["1"],
		},
		(text) => parseResolvedProtocol(text, "p"),
	),
	target("protocol-names", async () => ({
		make: (random) =>
			mutatedText(
				random.pick(["smoke-2", "val-5k", "paper-10k", "every-image"]),
				random,
			),
		run: (name) =>
			resolveProtocol(name, {
				label: "d",
				images: [{ id: "1", file: "a.png" }],
				captions: [{ id: "2", imageId: "1", caption: "a" }],
				problems: [],
			}),
	})),
	json("run-definition", definition, (text) =>
		parseRunDefinition(text, "run.json"),
	),
	json("queue-kind", kind, parseKind),
	received("queue-job", jobSchema, job),
	received("queue-result", jobResultSchema, result),
	json(
		"hub-listing",
		{
			sha: "0123456789abcdef0123456789abcdef01234567",
			siblings: [
				{
					rfilename: "a/b.safetensors",
					size: 5,
					blobId: "0".repeat(40),
					lfs: { sha256: "0".repeat(64), size: 5 },
				},
				{ rfilename: "../c" },
			],
		},
		(text) => {
			let answer: unknown;
			try {
				answer = JSON.parse(text);
			} catch {
				return;
			}
			for (const { path } of parseHubListing(
				answer,
				"a/b",
				"https://example.org",
			).files)
				promise(
					!/(^|\/)\.\.(\/|$)|^\/|\\|\0/.test(path),
					`unsafe path ${path}`,
				);
		},
	),
	target("npy", async () => {
		const whole = encodeNpy({
			dims: [1, 4, 8, 8],
			data: new Float32Array(256),
		});
		return {
			make: (random) => ({
				bytes: mutatedBytes(whole, random),
				doubles: random.chance(0.2),
			}),
			run: ({ bytes, doubles }) => {
				const { dims, data } = (doubles ? decodeNpyDoubles : decodeNpy)(
					bytes,
					"f",
				);
				promise(
					dims.reduce((product, side) => product * side, 1) === data.length,
					"dims are not of the data",
				);
			},
		};
	}),
	target("record-files", async () => {
		const folder = mkdtempSync(join(tmpdir(), "fdiff-fuzz-"));
		process.once("exit", () =>
			rmSync(folder, { recursive: true, force: true }),
		);
		const features = new Uint8Array(16);
		const sum = (bytes: Uint8Array) =>
			crc32(bytes).toString(16).padStart(8, "0");
		return {
			make: (random) => {
				const line = (record: unknown) => {
					const body = JSON.stringify({
						record,
						row: 0,
						features: sum(features),
					});
					return `${sum(Buffer.from(body))} ${body}\n`;
				};
				const lines = [image, machine, { kind: "real", index: 0 }].map(
					(record) =>
						line(random.chance(0.5) ? mutatedJson(record, random) : record),
				);
				return random.chance(0.5)
					? mutatedText(lines.join(""), random)
					: lines.join("");
			},
			run: async (text) => {
				writeFileSync(join(folder, "a-0000.jsonl"), text);
				writeFileSync(join(folder, "a-0000.f32"), "");
				appendFileSync(join(folder, "a-0000.f32"), features);
				await readRecords(folder, 4);
			},
		};
	}),
	target("tuning-state", async () => {
		const folder = mkdtempSync(join(tmpdir(), "fdiff-fuzz-"));
		process.once("exit", () =>
			rmSync(folder, { recursive: true, force: true }),
		);
		const path = join(folder, "state.json");
		const state = {
			key: "k",
			costs: { unit: "flops", costs: [["full", 1]] },
			candidates: [
				{
					states: ["full"],
					order: 1,
					over: "timestep",
					family: "a",
					estimate: 1,
				},
			],
			runs: { a: { error: 1, seconds: 1, flops: 1 } },
			rounds: { 1: { a: 1 } },
		};
		return {
			make: (random) => jsonText(mutatedJson(state, random), random),
			run: async (text) => {
				writeFileSync(path, text);
				await readTuningState(path, "k");
			},
		};
	}),
];
