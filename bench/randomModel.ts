import { cp, mkdir, open, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { placeWhole } from "../src/files/nodeWriteWhole.js";
import { parseClipTextConfig } from "../src/models/clipConfig.js";
import { buildClipText } from "../src/models/clipText.js";
import { buildUnet } from "../src/models/unet.js";
import { parseUnetConfig } from "../src/models/unetConfig.js";
import { parseVaeConfig } from "../src/models/vaeConfig.js";
import { buildVaeDecoder } from "../src/models/vaeDecoder.js";
import { buildVaeEncoder } from "../src/models/vaeEncoder.js";
import { elementCount } from "../src/tensor/tensor.js";
import { packageFolder } from "./packageFolder.js";
import {
	textEncoderConfig,
	unetConfig,
	vaeConfig,
} from "./stableDiffusion15.js";
import { uniformNoise } from "./uniformNoise.js";

type Shapes = ReadonlyMap<string, readonly number[]>;

/** Where the model is kept between runs: FDIFF_BENCH_CACHE, or a folder of the system's temporary one. */
export const cacheFolder =
	process.env.FDIFF_BENCH_CACHE ?? join(tmpdir(), "faster-diffusion-bench");

/** The types that random weights are written in. */
export type RandomType = "F32" | "F16";

/**
 * A diffusers folder with networks of Stable Diffusion v1.5's shapes and random weights (4.3 GB of float32), written once.
 * Its tokenizer is that of the test models: which words there are makes no difference to time.
 */
export async function randomModel(dtype: RandomType = "F32"): Promise<string> {
	const folder = join(
		cacheFolder,
		`random-stable-diffusion-v1-5${dtype === "F16" ? "-fp16" : ""}`,
	);
	if (await exists(join(folder, "model_index.json"))) return folder;
	process.stderr.write(
		`Writing random weights to ${folder} (once, ${dtype === "F16" ? "2.1" : "4.3"} GB)\n`,
	);
	const writeNetwork = (
		path: string,
		name: string,
		config: object,
		shapes: Shapes,
	) => writeRandomNetwork(path, name, config, shapes, dtype);
	const dims = { batch: 1, height: 64, width: 64 };
	const text = parseClipTextConfig(textEncoderConfig);
	const vae = parseVaeConfig(vaeConfig);
	await writeNetwork(
		join(folder, "unet"),
		"diffusion_pytorch_model",
		unetConfig,
		buildUnet(
			parseUnetConfig(unetConfig),
			null,
			{ encoder: "full", decoder: "full" },
			{ ...dims, tokens: 77 },
		).tensors,
	);
	await writeNetwork(
		join(folder, "text_encoder"),
		"model",
		textEncoderConfig,
		buildClipText(text, null, {}, { batch: 1, tokens: 77 }).tensors,
	);
	await writeNetwork(
		join(folder, "vae"),
		"diffusion_pytorch_model",
		vaeConfig,
		new Map([
			...buildVaeDecoder(vae, null, dims).tensors,
			...buildVaeEncoder(vae, null, { ...dims, height: 512, width: 512 })
				.tensors,
		]),
	);
	const example = join(packageFolder, "test", "models", "tiny-sd");
	for (const name of ["tokenizer", "scheduler"])
		await cp(join(example, name), join(folder, name), { recursive: true });
	await cp(join(example, "model_index.json"), join(folder, "model_index.json"));
	return folder;
}

async function writeRandomNetwork(
	folder: string,
	name: string,
	config: object,
	shapes: Shapes,
	dtype: RandomType,
): Promise<void> {
	await mkdir(folder, { recursive: true });
	await writeFile(join(folder, "config.json"), JSON.stringify(config));
	await writeRandomWeights(join(folder, `${name}.safetensors`), shapes, dtype);
}

/** A safetensors file of values that keep activations near unit variance, so that no run meets infinities or denormals. */
export async function writeRandomWeights(
	path: string,
	shapes: Shapes,
	dtype: RandomType = "F32",
): Promise<void> {
	const header: Record<string, object> = {};
	let end = 0;
	for (const [name, shape] of shapes) {
		const begin = end;
		end += (dtype === "F16" ? 2 : 4) * elementCount(shape);
		header[name] = { dtype, shape, data_offsets: [begin, end] };
	}
	const json = Buffer.from(JSON.stringify(header));
	const padded = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, " ");
	padded.writeBigUInt64LE(BigInt(padded.length - 8));
	json.copy(padded, 8);
	const noise = uniformNoise(1 << 20);
	await placeWhole(path, async (temporary) => {
		await using file = await open(temporary, "w");
		await file.write(padded);
		for (const [index, [name, shape]] of [...shapes].entries()) {
			const { offset, scale: about } = range(name, shape);
			// no two tensors are equal: OpenVINO's tools store such only once
			const scale = about * (1 + index / 1e5);
			for (let left = elementCount(shape); left > 0; ) {
				const count = Math.min(left, noise.length);
				const values = noise
					.subarray(0, count)
					.map((value) => offset + scale * value);
				const written =
					dtype === "F16" ? Uint16Array.from(values, half) : values;
				await file.write(new Uint8Array(written.buffer));
				left -= count;
			}
		}
	});
}

const bits = new DataView(new ArrayBuffer(4));

/** The binary16 of a value of usual size, cut off; of smaller ones 0. */
function half(value: number): number {
	bits.setFloat32(0, value);
	const all = bits.getUint32(0);
	const exponent = ((all >>> 23) & 0xff) - 112;
	return exponent <= 0
		? 0
		: ((all >>> 16) & 0x8000) | (exponent << 10) | ((all >>> 13) & 0x3ff);
}

/** Offset and half width of a tensor's values. */
function range(name: string, shape: readonly number[]) {
	if (shape.length === 1)
		return { offset: name.endsWith("weight") ? 1 : 0, scale: 0.1 };
	return { offset: 0, scale: Math.sqrt(1 / elementCount(shape.slice(1))) };
}

function exists(path: string): Promise<boolean> {
	return stat(path).then(
		() => true,
		() => false,
	);
}
