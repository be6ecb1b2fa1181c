import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { firstNotFinite } from "../../../src/weights/formats/firstNotFinite.js";
import { openNodeWeightFile } from "../../../src/weights/formats/nodeModelFolder.js";
import { openWeightsFile } from "../../../src/weights/formats/nodeWeightsFile.js";
import { readTensor } from "../../../src/weights/formats/readTensor.js";
import {
	blobFile,
	openWeightFile,
	readSafetensorsHeader,
} from "../../../src/weights/formats/weightFile.js";
import type {
	DType,
	WeightFile,
	Weights,
} from "../../../src/weights/formats/weights.js";
import { modelHash } from "../../../src/weights/modelHash.js";

const path = join(
	import.meta.dirname,
	"../../models/tiny-sd/unet/diffusion_pytorch_model.safetensors",
);
const onDisk = await openWeightsFile(path);
const [key] = onDisk.files.keys();
const bytes = new Uint8Array(readFileSync(path));
const blob = new Blob([bytes]);
const elsewhere = (file: WeightFile): Weights => ({
	...onDisk,
	files: new Map([[key, file]]),
});

describe("weights on disk, in memory and in a Blob", () => {
	it("have the same header, hash and values", async () => {
		const header = await readSafetensorsHeader(blobFile("x", key, blob));
		expect([...header.entries.keys()].sort()).toEqual(
			[...onDisk.tensors.keys()].sort(),
		);
		const hash = await modelHash(onDisk, openNodeWeightFile);
		const value = await readTensor(
			onDisk,
			"conv_in.weight",
			openNodeWeightFile,
		);
		for (const file of [{ bytes }, { blob }]) {
			expect(await modelHash(elsewhere(file))).toBe(hash);
			expect(await readTensor(elsewhere(file), "conv_in.weight")).toEqual(
				value,
			);
		}
	});
	it("say where they cannot be read", async () => {
		await expect(openWeightFile(onDisk, key)).rejects.toThrow(
			`${path} is on disk, which cannot be read here`,
		);
		await expect(openWeightFile(onDisk, "none")).rejects.toThrow(
			/has no file none/,
		);
	});
});

describe("firstNotFinite", () => {
	/** Weights of two tensors of a type; the second begins at an odd place and holds these bytes. */
	const weights = (dtype: DType, second: Uint8Array): Weights => {
		const start = second.length + 1;
		const content = new Uint8Array(start + second.length);
		content.set(second, start);
		const entry = { dtype, shape: [], file: "f", length: second.length };
		return {
			label: "w",
			files: new Map([["f", { bytes: content }]]),
			tensors: new Map([
				["fine", { ...entry, name: "fine", offset: 0 }],
				["second", { ...entry, name: "second", offset: start }],
			]),
		};
	};
	const bits16 = (...values: number[]) =>
		new Uint8Array(new Uint16Array(values).buffer);
	it.each<[DType, Uint8Array, boolean]>([
		["F16", bits16(0x3c00, 0x7c00), true],
		["F16", bits16(0x3c00, 0xfe01), true],
		["F16", bits16(0x3c00, 0x7bff), false],
		["BF16", bits16(0x7f80), true],
		["BF16", bits16(0x7c00, 0x7f7f), false],
		["F32", new Uint8Array(new Float32Array([1, Number.NaN]).buffer), true],
		["F32", new Uint8Array(new Float32Array([1, 3.4e38]).buffer), false],
		["F64", new Uint8Array(new Float64Array([1, -1 / 0]).buffer), true],
		// The lower half of this number has the bits of an infinity's upper half.
		["F64", bits16(0, 0x7ff0, 0, 0x3ff0), false],
		["I64", bits16(0xffff, 0xffff, 0xffff, 0xffff), false],
	])("%s %j", async (dtype, second, found) => {
		expect(await firstNotFinite(weights(dtype, second))).toBe(
			found ? "second" : undefined,
		);
	});
	it("reads whole files", async () => {
		expect(await firstNotFinite(onDisk, openNodeWeightFile)).toBeUndefined();
	});
});
