import { autoencoder } from "../../src/models/autoencoder.js";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import { createPipeline } from "../../src/pipeline/pipeline.js";
import { onnxRuntime } from "../../src/runtime/onnxruntime/nodeOnnxRuntime.js";
import { memoryAdapterFile } from "../../src/weights/adapters/adapterFile.js";
import { embeddingsOf } from "../../src/weights/adapters/embedding.js";
import { openAdapter } from "../../src/weights/adapters/openAdapter.js";
import { openDiffusersFolder } from "../../src/weights/folder/diffusersFolder.js";
import { modelFolderOf } from "../../src/weights/formats/modelFolder.js";
import { autoencoderPart } from "../../src/weights/parts/autoencoderPart.js";
import { controlNetPart } from "../../src/weights/parts/controlNetPart.js";
import { drawWhole, rightOptions } from "./drawTargets.js";
import { mutatedBytes, mutatedJson, mutatedOptions } from "./mutate.js";
import type { Random } from "./random.js";
import {
	bytesOf,
	headerOf,
	jsonOf,
	promise,
	target,
	tinyFiles,
	tinySd,
	withHeader,
} from "./target.js";
import { mutatedTensors } from "./weightTargets.js";

const adapters = [
	...["differences", "dora", "dora-peft", "kohya", "kohya-unet", "learned"],
	...["loha", "loha-tucker", "lokr", "lokr-both", "lokr-whole", "peft"],
	"tall-tower",
].map((name) => bytesOf("tiny-adapters", `${name}.safetensors`));
const peftConfig = {
	...{ peft_type: "LORA", r: 4, lora_alpha: 8, use_rslora: true },
	...{ alpha: 1, alpha_pattern: { to_q: 2 }, rank_pattern: { to_q: 4 } },
};
const size = { width: 64, height: 64 };
const WIDTH = 32;

/** A file of weights with tensors renamed, reshaped or left out, metadata changed, numbers that are not finite, or broken bytes. */
function mutatedWeights(file: Buffer, random: Random): Uint8Array {
	if (random.chance(0.1)) return mutatedBytes(file, random);
	const { header, data } = headerOf(file);
	const changed = Uint8Array.from(data);
	if (random.chance(0.2) && changed.length >= 4)
		new DataView(changed.buffer).setUint32(
			4 * random.whole(changed.length / 4),
			random.pick([0x7fc00000, 0x7f800000, 0x7f000000, 0]),
			true,
		);
	const tensors = random.chance(0.8) ? mutatedTensors(header, random) : header;
	const said = {
		format: "pt",
		ss_network_dim: "4",
		lora_adapter_metadata: JSON.stringify(mutatedJson(peftConfig, random)),
	};
	const metadata = random.chance(0.3)
		? { __metadata__: mutatedJson(said, random) }
		: {};
	return withHeader(JSON.stringify({ ...tensors, ...metadata }), changed);
}

/** A picture of a careless caller: at times of other lengths, with alpha, or empty. */
function picture(random: Random) {
	const width = random.pick([1, 8, 64, 70]);
	const height = random.pick([1, 8, 64]);
	const channels = random.pick([3, 3, 4]);
	const value = random.whole(256);
	return {
		...{ width, height },
		data: new Uint8Array(channels * width * height).map((_, i) =>
			random.chance(0.01) ? random.whole(256) : (value + i) & 255,
		),
	};
}

function pictureOptions(random: Random) {
	const initImage = picture(random);
	const mask = {
		width: initImage.width,
		height: initImage.height,
		data: new Uint8Array(3 * initImage.width * initImage.height).fill(
			random.pick([0, 1, 128, 255]),
			random.whole(initImage.width * initImage.height),
		),
	};
	const controls = random.chance(0.4);
	return {
		...rightOptions(random),
		...(random.chance(0.8) && {
			initImage,
			strength: random.pick([0, 0.01, 0.5, 0.8, 1]),
			resizeMode: random.pick(["crop", "fit", "stretch"]),
			background: random.pick(["#ffffff", "#010203"]),
			...(random.chance(0.6) && {
				mask,
				maskBlur: random.pick([0, 1, 4, 256]),
				maskedContent: random.pick(["original", "noise", "fill"]),
				onlyMasked: random.chance(0.5),
				maskPadding: random.pick([0, 1, 32, 4096]),
			}),
		}),
		...(random.chance(0.3) && {
			hires: random.pick([1, 1.1, 1.5, 2]),
			hiresStrength: random.pick([0, 0.5, 1]),
			hiresUpscaler: random.pick(["lanczos", "latent"]),
		}),
		...(controls && {
			controlImage: random.chance(0.8)
				? picture(random)
				: [picture(random), picture(random)],
			controlScale: random.pick([0, 1, 10, [0.5], [1, 1]]),
			controlStart: random.pick([0, 0.5, 1]),
			controlEnd: random.pick([0, 0.5, 1]),
			controlEdges: random.pick(["none", [100, 200], [0, 0], [1e4, 1]]),
		}),
	};
}

export const partTargets = [
	target("adapters", async () => {
		const files = await openDiffusersFolder(modelFolderOf("m", tinyFiles()));
		const pipeline = await loadPipeline(tinySd, { threads: 1 });
		return {
			make: (random) => ({
				bytes: mutatedWeights(random.pick(adapters), random),
				config: random.chance(0.3)
					? mutatedJson(peftConfig, random)
					: undefined,
				drawn: random.chance(0.05),
				weight: random.pick([1, -10, 0, 0.5]),
			}),
			run: async ({ bytes, config, drawn, weight }) => {
				const file = await memoryAdapterFile(bytes, "a");
				const isEmbedding = file.weights.tensors.size < 4;
				if (isEmbedding) embeddingsOf(file, WIDTH);
				else await openAdapter({ ...file, config }, files.networks);
				if (!drawn) return;
				const images = await pipeline.generate({
					...{ prompt: "a <a>", steps: 1, ...size, seed: 1 },
					...(isEmbedding
						? { embeddings: [{ file: bytes, token: "a" }] }
						: { loras: [{ file: bytes, name: "a", weight }] }),
				});
				for (const { latents } of images)
					promise(
						latents.data.every(Number.isFinite),
						"latents are not finite",
					);
				await pipeline.release();
			},
		};
	}),
	target("control-nets", async () => {
		const files = await openDiffusersFolder(modelFolderOf("m", tinyFiles()));
		const whole = [
			bytesOf("tiny-control.single.safetensors"),
			bytesOf("tiny-control", "diffusion_pytorch_model.safetensors"),
		];
		const config = jsonOf("tiny-control/config.json");
		return {
			make: (random) => {
				const from = random.whole(2);
				return {
					bytes: random.chance(0.7)
						? mutatedWeights(whole[from], random)
						: whole[from],
					config:
						from === 1
							? random.chance(0.5)
								? mutatedJson(config, random)
								: config
							: undefined,
					drawn: random.chance(0.05),
				};
			},
			run: async ({ bytes, config, drawn }) => {
				const { weights } = await memoryAdapterFile(bytes, "c");
				const part = controlNetPart({ label: "c", weights, config });
				const pipeline = createPipeline(
					{ ...files, hash: "0000000000" },
					onnxRuntime,
					{ threads: 1, controlNets: [part] },
				);
				if (!drawn) return;
				const controlImage = {
					...size,
					data: new Uint8Array(3 * 64 * 64).map((_, i) => i),
				};
				try {
					await pipeline.generate({
						...{ prompt: "a", steps: 1, ...size, seed: 1 },
						controlImage,
					});
				} finally {
					await pipeline.release();
				}
			},
		};
	}),
	target("autoencoders", async () => {
		const files = await openDiffusersFolder(modelFolderOf("m", tinyFiles()));
		const weights = "diffusion_pytorch_model.safetensors";
		const whole: readonly (readonly [Buffer, unknown?])[] = [
			[bytesOf("tiny-taesd", "decoder.safetensors")],
			[bytesOf("tiny-taesd", weights)],
			[bytesOf("tiny-taesd", weights), jsonOf("tiny-taesd/config.json")],
			[bytesOf("tiny-sd", "vae", weights), jsonOf("tiny-sd/vae/config.json")],
			[bytesOf("tiny-sd.single.safetensors")],
		];
		return {
			make: (random) => {
				const [bytes, config] = random.pick(whole);
				return {
					bytes: random.chance(0.7) ? mutatedWeights(bytes, random) : bytes,
					config:
						config !== undefined && random.chance(0.5)
							? mutatedJson(config, random)
							: config,
					drawn: random.chance(0.05),
				};
			},
			run: async ({ bytes, config, drawn }) => {
				const opened = await memoryAdapterFile(bytes, "v");
				const part = autoencoderPart({
					...{ label: "v", weights: opened.weights, config },
				});
				autoencoder(part.config, part.weights, "v: config.json");
				const pipeline = createPipeline(
					{
						...files,
						networks: { ...files.networks, vae: part },
						hash: "0000000000",
					},
					onnxRuntime,
					{ threads: 1 },
				);
				if (!drawn) return;
				try {
					const [{ image }] = await pipeline.generate({
						...{ prompt: "a", steps: 1, ...size, seed: 1 },
					});
					promise(
						image.data.length === 3 * image.width * image.height,
						"a picture of another size",
					);
				} finally {
					await pipeline.release();
				}
			},
		};
	}),
	target("draw-pictures", async () => {
		const pipeline = await loadPipeline(tinySd, {
			threads: 1,
			controlnet: `${tinySd}/../tiny-control`,
		});
		return {
			make: (random) => {
				const right = pictureOptions(random);
				return random.chance(0.3) ? mutatedOptions(right, random) : right;
			},
			run: (options) => drawWhole(pipeline, options),
		};
	}),
];
