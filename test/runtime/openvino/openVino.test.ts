import {
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { Graph } from "../../../src/graph/graph.js";
import { parseClipTextConfig } from "../../../src/models/clipConfig.js";
import { buildClipText } from "../../../src/models/clipText.js";
import { buildUnet } from "../../../src/models/unet.js";
import { parseUnetConfig } from "../../../src/models/unetConfig.js";
import { parseVaeConfig } from "../../../src/models/vaeConfig.js";
import { buildVaeDecoder } from "../../../src/models/vaeDecoder.js";
import { loadPipeline } from "../../../src/pipeline/nodeLoadPipeline.js";
import type { Engine } from "../../../src/runtime/engine.js";
import { chooseEngine } from "../../../src/runtime/nodeEngines.js";
import { onnxRuntime } from "../../../src/runtime/onnxruntime/nodeOnnxRuntime.js";
import { devices, intRows, precisions } from "../../../src/runtime/session.js";
import { rows, type Tensor, tensor } from "../../../src/tensor/tensor.js";
import type { WeightFile } from "../../../src/weights/formats/weights.js";
import { fdiff } from "../../cli/runProgram.js";
import { relativeError } from "../../goldenFile.js";
import { goldenNetwork, testModel } from "../../models/networkTest.js";
import { tinySd } from "../../pipeline/tinyModels.js";
import { testEngine } from "../testEngine.js";

const folder = mkdtempSync(join(tmpdir(), "fdiff-openvino-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const dims = { batch: 1, height: 16, width: 16, tokens: 77 };

async function unetGraph(): Promise<Graph> {
	const { unet } = await testModel("tiny-sd2");
	return buildUnet(
		parseUnetConfig(unet.config),
		unet.weights,
		{ encoder: "full", decoder: "full" },
		dims,
		testEngine.flavour(),
	);
}

/** `count` inputs of the UNet at `size` latents. */
function unetInputs(count: number, size: number): Record<string, Tensor> {
	const wave = (shape: number[]) => {
		const made = tensor(shape);
		for (let i = 0; i < made.data.length; i++)
			made.data[i] = Math.sin(i * 0.37);
		return made;
	};
	return {
		sample: wave([count, 4, size, size]),
		timestep: wave([count]),
		encoder_hidden_states: wave([count, 77, 32]),
	};
}

test("is what this run of the tests computes with", async () => {
	expect(testEngine.name).toBe("openvino");
	expect(await testEngine.devices()).toContain("cpu");
	expect((await testEngine.precisions("cpu"))[0]).toBe("float32");
	const { engine } = await chooseEngine({});
	expect(engine.name).toBe("openvino");
	// the embedded model is drawn before OpenVINO has compiled it
	const small = await chooseEngine({ weightBytes: 50e6 });
	expect([small.engine.name, small.precision]).toEqual([
		"onnxruntime",
		"float32",
	]);
	const asked = await chooseEngine({ engine: "openvino", weightBytes: 50e6 });
	expect(asked.engine.name).toBe("openvino");
});

const native = await testEngine.precisions("cpu");

test.skipIf(!native.includes("bfloat16"))(
	"bfloat16 is within 3 % of the reference's float32, and other than float32",
	async () => {
		const golden = goldenNetwork("tiny-sd2", "unet/wide/");
		const session = await testEngine.createSession(await unetGraph(), {
			precision: "bfloat16",
		});
		const { prediction } = await session.run(golden);
		const error = relativeError(prediction.data, golden.prediction.data);
		expect(error).toBeLessThan(0.03);
		expect(error).toBeGreaterThan(1e-4);
		await session.release();

		const { text_encoder, vae } = await testModel("tiny-sd2");
		const others: [Graph, Record<string, Tensor>, string][] = [
			[
				buildClipText(
					parseClipTextConfig(text_encoder.config),
					text_encoder.weights,
					{},
					{ batch: 1, tokens: 7 },
					testEngine.flavour(),
				),
				{
					input_ids: intRows([[5, 17, 40, 41, 7, 8, 9]]) as unknown as Tensor,
				},
				"hidden_states",
			],
			[
				buildVaeDecoder(
					parseVaeConfig(vae.config),
					vae.weights,
					dims,
					testEngine.flavour(),
				),
				{ latents: unetInputs(1, 16).sample },
				"image",
			],
		];
		for (const [graph, inputs, output] of others) {
			const results: Tensor[] = [];
			for (const precision of ["float32", "bfloat16"] as const) {
				const other = await testEngine.createSession(graph, { precision });
				results.push((await other.run(inputs))[output]);
				await other.release();
			}
			expect(relativeError(results[1].data, results[0].data)).toBeLessThan(
				0.03,
			);
		}
	},
);

test("maps of one pixel run, which OpenVINO cannot lay out for fixed sizes", async () => {
	const { unet } = await testModel("tiny-sd");
	const config = parseUnetConfig(unet.config);
	const half = (engine: Engine) =>
		buildUnet(
			config,
			unet.weights,
			{ encoder: "full", decoder: "none" },
			{ ...dims, height: 8, width: 8 },
			engine.flavour(),
		);
	const outputs: Record<string, Tensor>[] = [];
	for (const engine of [testEngine, onnxRuntime]) {
		const session = await engine.createSession(half(engine));
		outputs.push(await session.run(unetInputs(1, 8)));
		await session.release();
	}
	expect(relativeError(outputs[0].mid.data, outputs[1].mid.data)).toBeLessThan(
		1e-4,
	);
});

test("a ratio of token merging at which nothing is merged draws the plain picture", async () => {
	await using pipeline = await loadPipeline(tinySd, {
		engine: "openvino",
		precision: "float32",
	});
	const draw = async (keySteps: string) => {
		const [{ latents }] = await pipeline.generate({
			prompt: "x",
			seed: 3,
			steps: 2,
			width: 64,
			height: 64,
			keySteps,
		});
		return latents;
	};
	const plain = await draw("all");
	expect((await draw("all+tome:0.001")).data).toEqual(plain.data);
	expect((await draw("all+tome:0.5")).data).not.toEqual(plain.data);
}, 120_000);

test("sizes may change at every run, more of them than are kept", async () => {
	const { text_encoder } = await testModel("tiny-sd2");
	const config = parseClipTextConfig(text_encoder.config);
	const session = await testEngine.createSession(
		buildClipText(
			config,
			text_encoder.weights,
			{},
			{ batch: 1, tokens: 7 },
			testEngine.flavour(),
		),
	);
	const run = async (rows: number, tokens: number) => {
		const ids = Array.from({ length: tokens }, (_, n) => 5 + n);
		const input_ids = intRows(new Array<number[]>(rows).fill(ids));
		return (await session.run({ input_ids })).hidden_states;
	};
	const first = await run(1, 8);
	for (let count = 1; count <= 14; count++) {
		const [rows, tokens] = [1 + (count % 7), count < 8 ? 8 : 16];
		const { dims } = await run(rows, tokens);
		expect(dims).toEqual([rows, tokens, config.features]);
	}
	const again = await run(1, 8);
	expect(relativeError(again.data, first.data)).toBeLessThan(1e-5);
	await session.release();
});

test("runs at the same time answer as they do one after the other, and inputs may be views", async () => {
	const session = await testEngine.createSession(await unetGraph());
	const inputs = unetInputs(2, 8);
	const both = await session.run(inputs);
	const each = await Promise.all(
		[0, 1].map((row) =>
			session.run(
				Object.fromEntries(
					Object.entries(inputs).map(([name, value]) => [
						name,
						rows(value, row, row + 1),
					]),
				),
			),
		),
	);
	for (const [row, { prediction }] of each.entries())
		expect(
			relativeError(prediction.data, rows(both.prediction, row, row + 1).data),
		).toBeLessThan(1e-5);
	await session.release();
	await session.release();
	await expect(session.run(inputs)).rejects.toMatchObject({
		code: "disposed",
	});
});

test("weights in memory, a file that is gone, and what is no model", async () => {
	const graph = await unetGraph();
	const files = new Map<string, WeightFile>();
	for (const [key, file] of graph.files)
		if ("path" in file) files.set(key, { bytes: readFileSync(file.path) });
	const golden = goldenNetwork("tiny-sd2", "unet/wide/");
	const session = await testEngine.createSession({ ...graph, files });
	const { prediction } = await session.run(golden);
	expect(relativeError(prediction.data, golden.prediction.data)).toBeLessThan(
		1e-5,
	);
	await expect(session.run({})).rejects.toThrow(/input \w+ is missing/);
	await session.release();
	const [key] = files.keys();
	const gone = new Map([[key, { path: join(folder, "gone"), size: 1 }]]);
	await expect(
		testEngine.createSession({ ...graph, files: gone }),
	).rejects.toThrow(/gone cannot be read/);
	await expect(
		testEngine.createSession({ ...graph, model: () => new Uint8Array(0) }),
	).rejects.toThrow(/^[^\n]*tiny-sd2[^\n]*$/);
});

test("devices and precisions that this machine lacks are refused", async () => {
	const graph = await unetGraph();
	const has = await testEngine.devices();
	for (const device of devices.filter((name) => !has.includes(name)))
		await expect(
			testEngine.createSession(graph, { device }),
		).rejects.toMatchObject({ option: "device" });
	for (const precision of precisions.filter((name) => !native.includes(name)))
		await expect(
			testEngine.createSession(graph, { precision }),
		).rejects.toMatchObject({ option: "precision" });
});

test("memory comes back: loads and releases in a row", async () => {
	const { text_encoder } = await testModel("tiny-sd2");
	const graph = buildClipText(
		parseClipTextConfig(text_encoder.config),
		text_encoder.weights,
		{},
		{ batch: 1, tokens: 7 },
	);
	const input_ids = intRows([[5, 17, 40, 41, 7, 8, 9]]);
	const cycle = async () => {
		const session = await testEngine.createSession(graph);
		await session.run({ input_ids });
		await session.release();
	};
	for (let i = 0; i < 5; i++) await cycle();
	const before = process.memoryUsage().rss;
	for (let i = 0; i < 20; i++) await cycle();
	expect(process.memoryUsage().rss - before).toBeLessThan(60 * 2 ** 20);
}, 300_000);

test("the event loop goes on during a run", async () => {
	const session = await testEngine.createSession(await unetGraph(), {
		threads: 1,
	});
	const inputs = unetInputs(4, 48);
	await session.prepare?.(inputs);
	let ticks = 0;
	const timer = setInterval(() => ticks++, 10);
	const started = performance.now();
	await session.run(inputs);
	clearInterval(timer);
	expect(ticks / ((performance.now() - started) / 10)).toBeGreaterThan(0.3);
	await session.release();
});

test("a picture says what it was made with, and is the other engine's in float32", async () => {
	const draw = async (options: Parameters<typeof loadPipeline>[1]) => {
		await using pipeline = await loadPipeline(undefined, options);
		const [image] = await pipeline.generate({
			prompt: "a red apple",
			seed: 7,
			steps: 6,
		});
		return image;
	};
	const ours = await draw({ engine: "openvino", precision: "float32" });
	const other = await draw({ engine: "onnxruntime" });
	expect(relativeError(ours.latents.data, other.latents.data)).toBeLessThan(
		1e-4,
	);
	expect(ours.parameters).toContain("Engine: openvino");
	expect(ours.parameters).not.toContain("Precision");
	expect(other.parameters).not.toContain("Engine");
});

test("a library without its plugin for processors is one line", async () => {
	const libraries = process.env.FDIFF_OPENVINO_DIR ?? "";
	const without = join(folder, "without");
	mkdirSync(without);
	for (const name of readdirSync(libraries))
		if (!/cpu_plugin/.test(name))
			symlinkSync(join(libraries, name), join(without, name));
	const environment = { FDIFF_OPENVINO_DIR: without };
	const { code, stderr } = await fdiff(
		["x", "--engine", "openvino"],
		folder,
		undefined,
		environment,
	);
	expect(code).not.toBe(0);
	expect(stderr.trimEnd().split("\n")).toHaveLength(1);
	expect(stderr).toMatch(/^fdiff: .*OpenVINO/);
	const listed = await fdiff(
		["engines", "list"],
		folder,
		undefined,
		environment,
	);
	expect(listed.code).toBe(0);
	expect(listed.stdout).toMatch(/^onnxruntime .*\nopenvino .*\n$/);
});
