import {
	cpSync,
	ftruncateSync,
	mkdirSync,
	openSync,
	writeFileSync,
	writeSync,
} from "node:fs";
import { join } from "node:path";
import {
	textEncoderConfig,
	unetConfig,
	vaeConfig,
} from "../../bench/stableDiffusion15.js";
import { parseClipTextConfig } from "../../src/models/clipConfig.js";
import { buildClipText } from "../../src/models/clipText.js";
import {
	buildControlHint,
	buildControlNet,
} from "../../src/models/controlNet.js";
import { parseControlNetConfig } from "../../src/models/controlNetConfig.js";
import { buildUnet } from "../../src/models/unet.js";
import { parseUnetConfig } from "../../src/models/unetConfig.js";
import { parseVaeConfig } from "../../src/models/vaeConfig.js";
import { buildVaeDecoder } from "../../src/models/vaeDecoder.js";
import { elementCount } from "../../src/tensor/tensor.js";
import { tinySd, tinySd2 } from "./tinyModels.js";

type Shapes = ReadonlyMap<string, readonly number[]>;
export type Generation = 1 | 2;

const dims = { batch: 1, height: 64, width: 64, tokens: 77 };
const both = { encoder: "full", decoder: "full" } as const;

/** Stable Diffusion 1.5's and 2.1's UNets. */
const unets: Readonly<Record<Generation, object>> = {
	1: unetConfig,
	2: {
		...unetConfig,
		attention_head_dim: [5, 10, 20, 20],
		cross_attention_dim: 1024,
		use_linear_projection: true,
	},
};

const texts: Readonly<Record<Generation, object>> = {
	1: textEncoderConfig,
	2: {
		...textEncoderConfig,
		hidden_act: "gelu",
		hidden_size: 1024,
		intermediate_size: 4096,
		num_attention_heads: 16,
		num_hidden_layers: 23,
		projection_dim: 512,
	},
};

/** A safetensors file with a header as large models have it, whose gigabytes are holes: they take no room on the disk. */
export function writeEmptyWeights(path: string, shapes: Shapes): string {
	const header: Record<string, object> = {};
	let end = 0;
	for (const [name, shape] of shapes) {
		const begin = end;
		end += 2 * elementCount(shape);
		header[name] = { dtype: "F16", shape, data_offsets: [begin, end] };
	}
	const json = Buffer.from(JSON.stringify(header));
	const padded = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, " ");
	padded.writeBigUInt64LE(BigInt(padded.length - 8));
	json.copy(padded, 8);
	const file = openSync(path, "w");
	writeSync(file, padded);
	ftruncateSync(file, padded.length + end);
	return path;
}

function writeNetwork(folder: string, config: object, shapes: Shapes): void {
	mkdirSync(folder, { recursive: true });
	writeFileSync(join(folder, "config.json"), JSON.stringify(config));
	const stem = folder.endsWith("text_encoder")
		? "model"
		: "diffusion_pytorch_model";
	writeEmptyWeights(join(folder, `${stem}.safetensors`), shapes);
}

/** A folder of a Stable Diffusion 1.x or 2.x model of the real one's shapes, which can be opened and not run. */
export function emptyModel(folder: string, generation: Generation): string {
	cpSync(generation === 1 ? tinySd : tinySd2, folder, {
		recursive: true,
		filter: (path) => !/(unet|vae|text_encoder)$/.test(path),
	});
	const unet = parseUnetConfig(unets[generation]);
	writeNetwork(
		join(folder, "unet"),
		unets[generation],
		buildUnet(unet, null, both, dims).tensors,
	);
	const text = parseClipTextConfig(texts[generation]);
	writeNetwork(
		join(folder, "text_encoder"),
		texts[generation],
		buildClipText(text, null, {}, dims).tensors,
	);
	writeNetwork(
		join(folder, "vae"),
		vaeConfig,
		buildVaeDecoder(parseVaeConfig(vaeConfig), null, dims).tensors,
	);
	return folder;
}

/** A control net's folder, likewise. */
export function emptyControlNet(
	folder: string,
	generation: Generation,
): string {
	const { up_block_types: _, ...config } = unets[generation] as Record<
		string,
		unknown
	>;
	const own = { ...config, _class_name: "ControlNetModel" };
	const parsed = parseControlNetConfig(own);
	writeNetwork(
		folder,
		own,
		new Map([
			...buildControlNet(parsed, null, dims).tensors,
			...buildControlHint(parsed, null, dims).tensors,
		]),
	);
	return folder;
}
