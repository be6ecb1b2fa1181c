import { createInterface } from "node:readline";
import type { Graph } from "../src/graph/graph.js";
import { parseClipTextConfig } from "../src/models/clipConfig.js";
import { buildClipText } from "../src/models/clipText.js";
import { buildUnet } from "../src/models/unet.js";
import { parseUnetConfig } from "../src/models/unetConfig.js";
import { parseVaeConfig } from "../src/models/vaeConfig.js";
import { buildVaeDecoder } from "../src/models/vaeDecoder.js";
import {
	DECODER_HALF,
	ENCODER_HALF,
	WHOLE_UNET,
} from "../src/propagation/statePart.js";
import { chooseEngine } from "../src/runtime/nodeEngines.js";
import {
	type IntTensor,
	intRows,
	type Precision,
	type Session,
} from "../src/runtime/session.js";
import type { Tensor } from "../src/tensor/tensor.js";
import { openDiffusersFolder } from "../src/weights/folder/diffusersFolder.js";
import { nodeModelFolder } from "../src/weights/formats/nodeModelFolder.js";
import { residentMemory } from "./contest.js";
import { randomInputs } from "./randomInputs.js";
import { randomModel } from "./randomModel.js";

/**
 * The networks of Stable Diffusion v1.5's size in one engine, as a process: `node networkProcess.js ENGINE PRECISION [plain|parts] [halves] [threads=N]`
 * (how upsampling is written; the UNet in two graphs, as steps with key steps run it). Of each line it reads, `unet|vae|text SIZE`, it answers with a JSON object: seconds of a run, seconds of loading (where this
 * line loaded), and resident bytes, private and mapped from files. `release` frees everything.
 */
const [engineName, precision, ...more] = process.argv.slice(2);
const upsampling = more.find((word) => ["plain", "parts"].includes(word));
const [, threads] = /threads=(\d+)/.exec(more.join(" ")) ?? [];
const { engine } = await chooseEngine({
	engine: engineName as "onnxruntime" | "openvino",
	precision: precision as Precision,
});
const flavour = {
	...engine.flavour(),
	...(upsampling ? { upsampling: upsampling as "plain" | "parts" } : {}),
};
const { networks } = await openDiffusersFolder(
	await nodeModelFolder(await randomModel()),
	{},
);
const unetConfig = parseUnetConfig(networks.unet.config);

function graphOf(name: string, size: number): readonly Graph[] {
	const dims = { batch: name === "unet" ? 2 : 1, height: size, width: size };
	if (name === "vae")
		return [
			buildVaeDecoder(
				parseVaeConfig(networks.vae.config),
				networks.vae.weights,
				dims,
				flavour,
			),
		];
	if (name === "text")
		return [
			buildClipText(
				parseClipTextConfig(networks.text_encoder.config),
				networks.text_encoder.weights,
				{},
				{ batch: 2, tokens: 77 },
				flavour,
			),
		];
	return (
		more.includes("halves") ? [ENCODER_HALF, DECODER_HALF] : [WHOLE_UNET]
	).map((part) =>
		buildUnet(
			unetConfig,
			networks.unet.weights,
			part,
			{ ...dims, tokens: 77 },
			flavour,
		),
	);
}

function inputsOf(
	name: string,
	size: number,
): Record<string, Tensor | IntTensor> {
	const noise = randomInputs(unetConfig, {
		batch: name === "unet" ? 2 : 1,
		height: size,
		width: size,
		tokens: 77,
	});
	if (name === "vae") return { latents: noise.sample };
	if (name === "text")
		return {
			input_ids: intRows(
				[0, 1].map(() => Array.from({ length: 77 }, (_, i) => i)),
			),
		};
	return noise;
}

/** Seconds of processor time since `before`: what a busy machine disturbs less than the clock. */
function processorSeconds(before: NodeJS.CpuUsage): number {
	const { user, system } = process.cpuUsage(before);
	return (user + system) / 1e6;
}

const loaded = new Map<string, readonly Session[]>();
process.stdout.write(
	`${engine.name} ${engine.version} ${precision} ${upsampling ?? ""}\n`,
);
for await (const line of createInterface({ input: process.stdin })) {
	const [name, word] = line.split(" ");
	if (name === "memory" || name === "release") {
		if (name === "release") {
			for (const sessions of loaded.values())
				for (const session of sessions) await session.release();
			loaded.clear();
		}
		process.stdout.write(`${JSON.stringify(residentMemory())}\n`);
		continue;
	}
	const size = Number(word);
	const inputs = inputsOf(name, size);
	let loading = 0;
	let sessions = loaded.get(name);
	const started = performance.now();
	sessions ??= await Promise.all(
		graphOf(name, size).map((graph) =>
			engine.createSession(graph, {
				precision: precision as Precision,
				...(threads ? { threads: Number(threads) } : {}),
			}),
		),
	);
	for (const session of sessions) await session.prepare?.(inputs);
	loading = (performance.now() - started) / 1000;
	loaded.set(name, sessions);
	const ran = performance.now();
	const before = process.cpuUsage();
	for (const session of sessions) await session.run(inputs);
	process.stdout.write(
		`${JSON.stringify({
			seconds: (performance.now() - ran) / 1000,
			processor: processorSeconds(before),
			loading,
			...residentMemory(),
		})}\n`,
	);
}
