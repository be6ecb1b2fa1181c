import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { autoencoder } from "../src/models/autoencoder.js";
import {
	buildTinyDecoder,
	parseTinyConfig,
} from "../src/models/tinyAutoencoder.js";
import { parseVaeConfig } from "../src/models/vaeConfig.js";
import { buildVaeDecoder } from "../src/models/vaeDecoder.js";
import {
	colouredLatents,
	latentColours,
} from "../src/pipeline/latentColours.js";
import { onnxRuntime } from "../src/runtime/onnxruntime/nodeOnnxRuntime.js";
import { tensor } from "../src/tensor/tensor.js";
import { openNodePart } from "../src/weights/parts/nodeOpenPart.js";
import { median, seconds } from "./measure.js";
import { cacheFolder, writeRandomWeights } from "./randomModel.js";
import { vaeConfig } from "./stableDiffusion15.js";
import { printTable } from "./table.js";
import { uniformNoise } from "./uniformNoise.js";

const RUNS = 3;
const dims = { batch: 1, height: 64, width: 64 };

/** A picture of 512 x 512 decoded by Stable Diffusion's autoencoder and by a TAESD of random weights, and previewed by a linear map. */
export async function decoders(): Promise<void> {
	const latents = tensor([1, 4, 64, 64], uniformNoise(4 * 64 * 64));
	const rows: string[][] = [];
	const full = parseVaeConfig(vaeConfig);
	const tiny = { _class_name: "AutoencoderTiny" };
	const { tensors } = buildTinyDecoder(parseTinyConfig(tiny), null, dims);
	for (const [name, config, shapes] of [
		["AutoencoderKL", vaeConfig, buildVaeDecoder(full, null, dims).tensors],
		["AutoencoderTiny (TAESD)", tiny, tensors],
	] as const) {
		const path = join(cacheFolder, `${config._class_name}.safetensors`);
		await mkdir(cacheFolder, { recursive: true });
		if (!(await stat(path).catch(() => undefined)))
			await writeRandomWeights(path, shapes);
		const { weights } = await openNodePart(path);
		const session = await onnxRuntime.createSession(
			autoencoder(config, weights).decoder(dims),
			{ optimization: "extended" },
		);
		await session.run({ latents });
		const took: number[] = [];
		for (let run = 0; run < RUNS; run++) {
			const started = performance.now();
			await session.run({ latents });
			took.push((performance.now() - started) / 1000);
		}
		await session.release();
		rows.push([name, seconds(took)]);
	}
	const colours = latentColours(undefined, full, "");
	if (!colours) throw new Error("Stable Diffusion's colours are known");
	const took = Array.from({ length: 50 }, () => {
		const started = performance.now();
		colouredLatents(latents, colours);
		return (performance.now() - started) / 1000;
	});
	rows.push(["linear map (64 x 64 pixels)", median(took).toFixed(5)]);
	printTable(
		"Decoding latents of 512 x 512 pixels, float32: seconds min / median",
		["decoder", "seconds"],
		rows,
	);
}
