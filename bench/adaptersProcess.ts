import { mkdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { defaultFlavour } from "../src/graph/graphFlavour.js";
import { buildUnet } from "../src/models/unet.js";
import { parseUnetConfig } from "../src/models/unetConfig.js";
import { onnxRuntime } from "../src/runtime/onnxruntime/nodeOnnxRuntime.js";
import { elementCount } from "../src/tensor/tensor.js";
import { openNodeAdapterFile } from "../src/weights/adapters/nodeAdapterFile.js";
import { openAdapter } from "../src/weights/adapters/openAdapter.js";
import { withAdapters } from "../src/weights/adapters/withAdapters.js";
import { openNodeWeightFile } from "../src/weights/formats/nodeModelFolder.js";
import { openModel } from "../src/weights/nodeOpenModel.js";
import { peakMemory } from "./measure.js";
import { randomInputs } from "./randomInputs.js";
import { cacheFolder, randomModel, writeRandomWeights } from "./randomModel.js";

/**
 * One UNet of Stable Diffusion v1.5's shapes with an adapter, as `KIND OPTIMIZATION LOW_RANK RUNS` says: KIND is `none`, `lora` (rank 32 on all
 * linear layers and convolutions of the transformers) or `lokr` (the same layers). Prints JSON: seconds to load and of each run, processor
 * seconds of each run, peak memory.
 */
const [kind, optimization, lowRank, runs] = process.argv.slice(2);
const files = await openModel(await randomModel());
const { unet } = files.networks;
const config = parseUnetConfig(unet.config);
let { weights } = unet;
if (kind !== "none") {
	const path = join(cacheFolder, `${kind}.safetensors`);
	await mkdir(dirname(path), { recursive: true });
	if (!(await stat(path).catch(() => undefined)))
		await writeRandomWeights(path, adapterShapes());
	const adapter = await openAdapter(
		await openNodeAdapterFile(path),
		files.networks,
		openNodeWeightFile,
	);
	const strength = { unet: 0.1, text_encoder: 0, text_encoder_2: 0 };
	weights = withAdapters("unet", weights, [{ adapter, strength }]);
}
const dims = { batch: 2, height: 32, width: 32, tokens: 77 };
const started = performance.now();
const session = await onnxRuntime.createSession(
	buildUnet(config, weights, { encoder: "full", decoder: "full" }, dims, {
		...defaultFlavour,
		lowRank: lowRank as "folded" | "beside",
	}),
	{ optimization: optimization as "all" | "extended" },
);
const loading = (performance.now() - started) / 1000;
const inputs = randomInputs(config, dims);
const seconds: number[] = [];
const processor: number[] = [];
for (let n = 0; n < Number(runs); n++) {
	const before = performance.now();
	const used = process.cpuUsage();
	await session.run(inputs);
	const { user, system } = process.cpuUsage(used);
	seconds.push((performance.now() - before) / 1000);
	processor.push((user + system) / 1e6);
}
await session.release();
process.stdout.write(
	`${JSON.stringify({ loading, seconds, processor, memory: peakMemory() })}\n`,
);

function adapterShapes(): Map<string, readonly number[]> {
	const shapes = new Map<string, readonly number[]>();
	for (const { name, shape } of unet.weights.tensors.values()) {
		if (!/\.attentions\..*\.weight$/.test(name) || shape.length < 2) continue;
		const layer = `unet.${name.slice(0, -".weight".length)}`;
		const [rows, ...rest] = shape;
		const columns = elementCount(rest);
		if (kind === "lora") {
			shapes.set(`${layer}.lora_A.weight`, [32, columns]);
			shapes.set(`${layer}.lora_B.weight`, [rows, 32]);
		} else {
			shapes.set(`${layer}.lokr_w1`, [8, 8]);
			shapes.set(`${layer}.lokr_w2`, [rows / 8, columns / 8]);
		}
	}
	return shapes;
}
