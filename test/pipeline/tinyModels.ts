import { cpSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type {
	GeneratedImage,
	PipelineEvent,
} from "../../src/pipeline/generatedImage.js";

import type { Engine } from "../../src/runtime/engine.js";
import { onnxRuntime } from "../../src/runtime/onnxruntime/nodeOnnxRuntime.js";

export const models = join(import.meta.dirname, "..", "models");
/** Random weights in the shapes of SD 1.x; its images mean nothing, but they are images. */
export const tinySd = join(models, "tiny-sd");
export const tinySd2 = join(models, "tiny-sd2");

/** A folder of tiny-sd with a UNet of nine input channels; the caller's to remove. */
export function tinyInpainting(): string {
	const folder = mkdtempSync(join(tmpdir(), "fdiff-inpainting-"));
	cpSync(tinySd, folder, {
		recursive: true,
		filter: (path) => !/unet\/diffusion_pytorch_model/.test(path),
	});
	cpSync(join(models, "tiny-inpainting"), folder, { recursive: true });
	return folder;
}

/** A folder of tiny-sd whose UNet is told the guidance scale, as latent consistency models are; the caller's to remove. */
export function tinyLcm(scheduler: object): string {
	const folder = mkdtempSync(join(tmpdir(), "fdiff-lcm-"));
	cpSync(tinySd, folder, {
		recursive: true,
		filter: (path) => !/unet\/diffusion_pytorch_model/.test(path),
	});
	const unet = join(folder, "unet");
	const shards = [
		join(tinySd, "unet/diffusion_pytorch_model.safetensors"),
		join(models, "tiny-lcm/unet/guidance.safetensors"),
	];
	const places: Record<string, string> = {};
	for (const [n, path] of shards.entries()) {
		const shard = `diffusion_pytorch_model-0000${n + 1}-of-00002.safetensors`;
		cpSync(path, join(unet, shard));
		const bytes = readFileSync(path);
		const header = bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE()));
		for (const name of Object.keys(JSON.parse(header.toString())))
			if (name !== "__metadata__") places[name] = shard;
	}
	const write = (path: string, json: object) =>
		writeFileSync(join(folder, path), JSON.stringify(json));
	write("unet/diffusion_pytorch_model.safetensors.index.json", {
		weight_map: places,
	});
	cpSync(join(models, "tiny-lcm/unet/config.json"), join(unet, "config.json"));
	write("scheduler/scheduler_config.json", scheduler);
	write("model_index.json", {
		...JSON.parse(readFileSync(join(tinySd, "model_index.json"), "utf8")),
		_class_name: "LatentConsistencyModelPipeline",
		scheduler: ["diffusers", "LCMScheduler"],
	});
	return folder;
}

/** Everything a run says, in order. */
export async function eventsOf(
	stream: AsyncIterable<PipelineEvent>,
): Promise<PipelineEvent[]> {
	const events: PipelineEvent[] = [];
	for await (const event of stream) events.push(event);
	return events;
}

export const pixels = ({ image }: GeneratedImage) => Array.from(image.data);
export const latents = ({ latents }: GeneratedImage) =>
	Array.from(latents.data);

/** ONNX Runtime with one thread, where no other number is asked for: tiny networks gain nothing from more, which wait by counting. */
export const oneThread: Engine = {
	...onnxRuntime,
	createSession: (graph, options) =>
		onnxRuntime.createSession(graph, {
			...options,
			threads: options?.threads ?? 1,
		}),
};

/** ONNX Runtime, with a count of what is asked of it. */
export interface WatchedEngine {
	readonly engine: Engine;
	/** Runs of the UNet's halves, alone or in one graph. */
	readonly runs: { encoder: number; decoder: number };
	/** Names of the sessions that are loaded now, and of all that ever were. */
	readonly loaded: Set<string>;
	readonly everLoaded: string[];
	/** The most that were loaded at one time. */
	mostLoaded: number;
}

export function watchedEngine(): WatchedEngine {
	let made = 0;
	const watched: WatchedEngine = {
		runs: { encoder: 0, decoder: 0 },
		loaded: new Set(),
		everLoaded: [],
		mostLoaded: 0,
		engine: {
			...oneThread,
			async createSession(graph, options) {
				const session = await oneThread.createSession(graph, options);
				const kind = session.inputs.includes("input_ids")
					? "text"
					: session.inputs.includes("latents")
						? "vae"
						: session.outputs.includes("prediction")
							? session.inputs.includes("sample")
								? "unet"
								: "decoder"
							: "encoder";
				const name = `${kind} ${options?.optimization} ${++made}`;
				watched.loaded.add(name);
				watched.everLoaded.push(name);
				watched.mostLoaded = Math.max(watched.mostLoaded, watched.loaded.size);
				return {
					...session,
					async run(inputs) {
						if (["encoder", "unet"].includes(kind)) watched.runs.encoder++;
						if (["decoder", "unet"].includes(kind)) watched.runs.decoder++;
						return session.run(inputs);
					},
					async release() {
						await session.release();
						watched.loaded.delete(name);
					},
				};
			},
		},
	};
	return watched;
}

/** Pixels that differ by more than `tolerance`, and the largest difference there is. */
export function differences(
	actual: ArrayLike<number>,
	expected: ArrayLike<number>,
): { largest: number; differing: number } {
	if (actual.length !== expected.length)
		return { largest: Number.NaN, differing: Number.NaN };
	let largest = 0;
	let differing = 0;
	for (let i = 0; i < expected.length; i++) {
		const difference = Math.abs(actual[i] - expected[i]);
		largest = Math.max(largest, difference);
		if (difference > 0) differing++;
	}
	return { largest, differing };
}
