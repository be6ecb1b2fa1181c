import { copyFile, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { UserError } from "../../../src/errors/userError.js";
import type { Graph } from "../../../src/graph/graph.js";
import { buildUnet } from "../../../src/models/unet.js";
import { parseUnetConfig } from "../../../src/models/unetConfig.js";
import { onnxRuntime } from "../../../src/runtime/onnxruntime/nodeOnnxRuntime.js";
import { devices } from "../../../src/runtime/session.js";
import { rows } from "../../../src/tensor/tensor.js";
import type { WeightFile } from "../../../src/weights/formats/weights.js";
import { relativeError } from "../../goldenFile.js";
import {
	goldenNetwork,
	runGraph,
	testModel,
} from "../../models/networkTest.js";

const dims = { batch: 1, height: 16, width: 16, tokens: 77 };
let folder: string;

beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), "sessions-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** tiny-sd2's UNet, whose weights lie in two files. */
async function encoderGraph(): Promise<Graph> {
	const { unet } = await testModel("tiny-sd2");
	return buildUnet(
		parseUnetConfig(unet.config),
		unet.weights,
		{ encoder: "full", decoder: "full" },
		dims,
	);
}

function pathsOf({ files }: Graph): [string, string][] {
	return [...files].map(([key, file]) => {
		if (!("path" in file)) throw new Error("not on disk");
		return [key, file.path];
	});
}

async function expectGolden(graph: Graph): Promise<void> {
	const golden = goldenNetwork("tiny-sd2", "unet/wide/");
	const { prediction } = await runGraph(graph, golden);
	expect(relativeError(prediction.data, golden.prediction.data)).toBeLessThan(
		1e-5,
	);
}

test("weights in several folders, under other names, behind links", async () => {
	const graph = await encoderGraph();
	const files = new Map<string, WeightFile>();
	for (const [i, [key, path]] of pathsOf(graph).entries()) {
		const blobs = join(folder, `blobs ${i}`);
		await mkdir(blobs);
		await copyFile(path, join(blobs, `blob-${i}`));
		const link = join(folder, basename(path));
		await symlink(join(blobs, `blob-${i}`), link);
		files.set(key, { path: link, size: 0 });
	}
	expect(files.size).toBe(2);
	await expectGolden({ ...graph, files });
});

test("weights partly in memory", async () => {
	const { readFile } = await import("node:fs/promises");
	const graph = await encoderGraph();
	const files = new Map(graph.files);
	const [[key, path]] = pathsOf(graph);
	files.set(key, { bytes: await readFile(path) });
	await expectGolden({ ...graph, files });
});

test("a weight file that is gone is named", async () => {
	const graph = await encoderGraph();
	const files = new Map(graph.files);
	const [[key]] = pathsOf(graph);
	files.set(key, { path: join(folder, "gone.safetensors"), size: 0 });
	const loading = onnxRuntime.createSession({ ...graph, files });
	await expect(loading).rejects.toThrow(UserError);
	await expect(loading).rejects.toThrow(/gone.safetensors cannot be read/);
});

test("what is no model at all is an error of one line", async () => {
	const graph = await encoderGraph();
	const loading = onnxRuntime.createSession({
		...graph,
		model: () => Uint8Array.of(1, 2, 3),
	});
	await expect(loading).rejects.toThrow(/^[^\n]*tiny-sd2[^\n]*$/);
});

test("both optimization levels give the same", async () => {
	const graph = await encoderGraph();
	const golden = goldenNetwork("tiny-sd2", "unet/wide/");
	for (const optimization of ["extended", "all"] as const) {
		const session = await onnxRuntime.createSession(graph, {
			optimization,
			threads: 1,
		});
		const { prediction } = await session.run(golden);
		expect(relativeError(prediction.data, golden.prediction.data)).toBeLessThan(
			1e-5,
		);
		await session.release();
	}
});

test("a session takes any batch, names missing inputs, and ends when released", async () => {
	const session = await onnxRuntime.createSession(await encoderGraph(), {
		threads: 1,
	});
	const golden = goldenNetwork("tiny-sd2", "unet/square/");
	expect((await session.run(golden)).prediction.dims[0]).toBe(2);
	const one = Object.fromEntries(
		session.inputs.map((name) => [name, rows(golden[name], 1, 2)]),
	);
	expect((await session.run(one)).prediction.dims[0]).toBe(1);
	const { timestep, ...rest } = golden;
	expect(timestep.dims).toEqual([2]);
	await expect(session.run(rest)).rejects.toThrow(/input timestep is missing/);
	await session.release();
	await session.release();
	await expect(session.run(golden)).rejects.toThrow(/released/);
});

test("a device that this installation lacks is refused with those it has", async () => {
	const has = await onnxRuntime.devices();
	const lacking = devices.filter((device) => !has.includes(device));
	expect(lacking.length).toBeGreaterThan(0);
	const graph = await encoderGraph();
	for (const device of lacking)
		await expect(
			onnxRuntime.createSession(graph, { device }),
		).rejects.toMatchObject({
			option: "device",
			message: expect.stringMatching(new RegExp(`${device}.*cpu`)),
		});
});

test("a device that its build has and the machine lacks is refused by name", async () => {
	const graph = await encoderGraph();
	for (const device of await onnxRuntime.devices()) {
		// it would be checked first, for seconds
		if (device === "webgpu") continue;
		const fault = await onnxRuntime.createSession(graph, { device }).then(
			(session) => session.release(),
			(error: unknown) => error,
		);
		if (fault)
			expect(fault).toMatchObject({
				option: "device",
				what: expect.stringMatching(
					new RegExp(`^${device} cannot be used on this machine; .* cpu`),
				),
			});
	}
});

test("a precision that it does not compute in is refused", async () => {
	await expect(
		onnxRuntime.createSession(await encoderGraph(), { precision: "bfloat16" }),
	).rejects.toMatchObject({ option: "precision" });
});
