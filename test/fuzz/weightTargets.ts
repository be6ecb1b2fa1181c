import { decodeStatistics } from "../../src/metrics/statisticsFile.js";
import { createPipeline } from "../../src/pipeline/pipeline.js";
import { onnxRuntime } from "../../src/runtime/onnxruntime/nodeOnnxRuntime.js";
import { openSingleFile } from "../../src/weights/checkpoint/singleFile.js";
import { openDiffusersFolder } from "../../src/weights/folder/diffusersFolder.js";
import type { ModelFiles } from "../../src/weights/folder/modelFiles.js";
import { modelFolderOf } from "../../src/weights/formats/modelFolder.js";
import { readTorchArchive } from "../../src/weights/formats/nodeTorchArchive.js";
import { parseSafetensorsHeader } from "../../src/weights/formats/safetensorsHeader.js";
import {
	memoryFile,
	readSafetensorsHeader,
} from "../../src/weights/formats/weightFile.js";
import { openZip } from "../../src/zip/nodeZipArchive.js";
import { jsonText, mutatedBytes, mutatedJson } from "./mutate.js";
import type { Random } from "./random.js";
import {
	bytesOf,
	headerOf,
	promise,
	target,
	tinyFiles,
	withHeader,
} from "./target.js";

const archives = ["deflated", "legacy", "nested", "object", "zip"].map((name) =>
	bytesOf("torch-archives", `${name}.pth`),
);
const expected = bytesOf("torch-archives", "expected.safetensors");

/** Opens the networks of a model, without loading weights, and one time of some draws with it. */
async function open(
	files: Omit<ModelFiles, "hash">,
	drawn: boolean,
): Promise<void> {
	const pipeline = createPipeline(
		{ ...files, hash: "0000000000" },
		onnxRuntime,
		{ threads: 1 },
	);
	pipeline.settings({ prompt: "a", steps: 5 });
	if (!drawn) return;
	try {
		const images = await pipeline.generate({
			...{ prompt: "a", steps: 1, width: 64, height: 64, seed: 1 },
		});
		for (const { latents } of images)
			promise(latents.data.every(Number.isFinite), "latents are not finite");
	} finally {
		await pipeline.release();
	}
}

export type Header = ReturnType<typeof headerOf>["header"];

/** Tensors under other names, of other shapes and types. */
export function mutatedTensors(from: Header, random: Random): Header {
	const header = { ...from };
	const names = Object.keys(header).filter((name) => name !== "__metadata__");
	for (let left = 1 + random.whole(3); left > 0; left--) {
		const name = random.pick(names);
		const other = random.pick(names);
		const { [name]: entry, [other]: second } = header;
		if (!entry || !second) continue;
		const shape = [...entry.shape];
		switch (random.whole(7)) {
			case 0:
				header[name] = { ...entry, shape: shape.reverse() };
				break;
			case 1:
				header[name] = {
					...entry,
					shape: [shape.reduce((product, side) => product * side, 1)],
				};
				break;
			case 2:
				shape.splice(random.whole(shape.length + 1), 0, 1);
				header[name] = { ...entry, shape };
				break;
			case 3:
				delete header[name];
				header[
					name.replace(/\d+/, (digits) =>
						random.pick(["999999", "-1", "0", `${Number(digits) + 1}`, "1e5"]),
					) + random.pick(["", ".a"])
				] = entry;
				break;
			case 4:
				header[name] = second;
				header[other] = entry;
				break;
			case 5:
				delete header[name];
				break;
			default:
				header[name] = {
					...entry,
					dtype: random.pick(["I32", "U32", "F8_E4M3", "F64", "F16", "I8"]),
				};
		}
	}
	return header;
}

export const weightTargets = [
	target("safetensors-bytes", async () => {
		const whole = [expected, bytesOf("tiny-sd/text_encoder/model.safetensors")];
		return {
			make: (random) => {
				const bytes = mutatedBytes(
					random.pick(whole).subarray(0, 9000),
					random,
				);
				return { bytes, size: random.chance(0.7) ? bytes.length : 225_992 };
			},
			run: ({ bytes, size }) =>
				readSafetensorsHeader({ ...memoryFile("f", "f", bytes), size }),
		};
	}),
	target("safetensors-header", async () => {
		const { header, data } = headerOf(expected);
		return {
			make: (random) =>
				withHeader(jsonText(mutatedJson(header, random), random), data),
			run: (bytes) => parseSafetensorsHeader(bytes, bytes.length, "f"),
		};
	}),
	target("statistics", async () => {
		const { header, data } = headerOf(expected);
		return {
			make: (random) =>
				random.chance(0.5)
					? mutatedBytes(expected, random)
					: withHeader(jsonText(mutatedJson(header, random), random), data),
			run: (bytes) => decodeStatistics(bytes, "f"),
		};
	}),
	target("torch-archive", async () => ({
		make: (random) => mutatedBytes(random.pick(archives), random),
		run: (bytes) => readTorchArchive(memoryFile("f.pth", "f.pth", bytes)),
	})),
	target("zip", async () => ({
		make: (random) => mutatedBytes(random.pick(archives.slice(2)), random),
		run: async (bytes) => {
			const archive = await openZip(bytes, "f");
			for (const { name, stored } of archive.entries.values()) {
				await archive.read(name, 1e6);
				if (stored) await archive.dataOffset(name);
			}
		},
	})),
	target("single-file", async () => {
		const files = tinyFiles();
		const folder = modelFolderOf("m", files);
		const { header, data } = headerOf(bytesOf("tiny-sd.single.safetensors"));
		return {
			make: (random) => ({
				bytes: withHeader(JSON.stringify(mutatedTensors(header, random)), data),
				sources: {
					tokenizer: folder,
					...(random.chance(0.7) && { config: folder }),
				},
				drawn: random.chance(0.1),
			}),
			run: async ({ bytes, sources, drawn }) =>
				open(
					await openSingleFile(
						memoryFile("f.safetensors", "f", bytes),
						sources,
					),
					drawn,
				),
		};
	}),
	target("folder-weights", async () => {
		const files = tinyFiles();
		const paths = [...files.keys()].filter((path) =>
			path.endsWith(".safetensors"),
		);
		return {
			make: (random) => {
				const path = random.pick(paths);
				const { header, data } = headerOf(
					Buffer.from(files.get(path) ?? new Uint8Array()),
				);
				// NaN and infinity among the weights too
				const changed = Uint8Array.from(data);
				if (random.chance(0.3))
					new DataView(changed.buffer).setUint32(
						4 * random.whole(changed.length / 4),
						random.pick([0x7fc00000, 0x7f800000, 0x7f000000]),
						true,
					);
				const text = JSON.stringify(
					random.chance(0.8) ? mutatedTensors(header, random) : header,
				);
				return {
					path,
					bytes: withHeader(text, changed),
					drawn: random.chance(0.3),
				};
			},
			run: async ({ path, bytes, drawn }) =>
				open(
					await openDiffusersFolder(
						modelFolderOf("m", new Map(files).set(path, bytes)),
					),
					drawn,
				),
		};
	}),
	target("folder-configs", async () => {
		const files = tinyFiles();
		const paths = [...files.keys()].filter(
			(path) => path.endsWith(".json") && !path.endsWith("vocab.json"),
		);
		return {
			make: (random) => {
				const path = random.pick(paths);
				const json: unknown = JSON.parse(
					Buffer.from(files.get(path) ?? new Uint8Array()).toString(),
				);
				return {
					path,
					text: jsonText(mutatedJson(json, random), random),
					drawn: random.chance(0.1),
				};
			},
			run: async ({ path, text, drawn }) =>
				open(
					await openDiffusersFolder(
						modelFolderOf("m", new Map(files).set(path, Buffer.from(text))),
					),
					drawn,
				),
		};
	}),
];
