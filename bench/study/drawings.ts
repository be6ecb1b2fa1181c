import { createHash } from "node:crypto";
import { mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { denoised } from "../../src/pipeline/denoise.js";
import type { Pipeline } from "../../src/pipeline/pipeline.js";
import { calibrationPrompts } from "../../src/tuning/runs/calibrationPrompt.js";
import {
	type PromptBatch,
	promptBatches,
} from "../../src/tuning/search/students.js";

/** A way to draw, as `generate` is told it. */
export interface Way {
	readonly sampler: string;
	readonly steps?: number;
	readonly keySteps: string;
}

/** Captions that are drawn together: caption n of a set from seed + n. */
export interface CaptionBatch {
	readonly captions: readonly string[];
	readonly seed: number;
}

/** Captions in one run of the network: as fast a caption as larger batches are. */
const BATCH = 8;

/** Captions in batches, the first from `seed`. */
export function captionBatches(
	captions: readonly string[],
	seed: number,
): CaptionBatch[] {
	const batches: CaptionBatch[] = [];
	for (let n = 0; n < captions.length; n += BATCH)
		batches.push({ captions: captions.slice(n, n + BATCH), seed: seed + n });
	return batches;
}

/** Draws captions in batches, each only once: what is drawn is kept on disk. */
export interface Drawings {
	/** Final latents `[captions, channels, height, width]`. */
	latents(way: Way, batch: CaptionBatch): Promise<Float32Array>;
	readonly dims: (batch: CaptionBatch) => readonly number[];
	/** What is kept under a key, or else made now. */
	kept(
		kind: string,
		key: unknown,
		make: () => Promise<Float32Array>,
	): Promise<Float32Array>;
	/** Whether something is kept under a key. */
	has(kind: string, key: unknown): Promise<boolean>;
}

export function drawings(pipeline: Pipeline, cache: string): Drawings {
	const shape = pipeline.latentShape(
		pipeline.settings({ prompt: "", keySteps: "all" }),
	);
	const ready = new Map<string, PromptBatch>();
	async function prepared({ captions, seed }: CaptionBatch) {
		const key = `${seed} ${captions.join("\n")}`;
		const known = ready.get(key);
		if (known) return known;
		const settings = pipeline.settings({ prompt: "", seed, keySteps: "all" });
		const prompts = await calibrationPrompts(pipeline, settings, captions);
		const [batch] = promptBatches(prompts, captions.length);
		ready.set(key, batch);
		return batch;
	}
	const { hash, engine, precision } = pipeline;
	function pathOf(kind: string, key: unknown) {
		const whole = JSON.stringify([hash, engine, precision, key]);
		const name = createHash("sha256").update(whole).digest("hex").slice(0, 24);
		return join(cache, kind, `${name}.f32`);
	}
	async function kept(
		kind: string,
		key: unknown,
		make: () => Promise<Float32Array>,
	): Promise<Float32Array> {
		const path = pathOf(kind, key);
		const found = await readFile(path).catch(() => undefined);
		if (found)
			return new Float32Array(
				found.buffer.slice(
					found.byteOffset,
					found.byteOffset + found.byteLength,
				),
			);
		const values = await make();
		await mkdir(dirname(path), { recursive: true });
		await writeFile(`${path}.tmp`, new Uint8Array(values.buffer));
		await rename(`${path}.tmp`, path);
		return values;
	}
	return {
		dims: ({ captions }) => [captions.length, ...shape],
		kept,
		has: (kind, key) =>
			stat(pathOf(kind, key)).then(
				() => true,
				() => false,
			),
		latents: (way, batch) =>
			kept("latents", [way, batch], async () => {
				const { conditioning, initialNoise } = await prepared(batch);
				const { sampler, plan, injection } = pipeline.settings({
					prompt: "",
					...way,
				});
				const { latents } = await denoised(
					pipeline.denoise({
						sampler,
						plan,
						injection,
						conditioning,
						initialNoise,
						// samplers of the study add none
						noise: () => new Float32Array(initialNoise.data.length),
					}),
				);
				return Float32Array.from(latents.data);
			}),
	};
}

/** Relative L2 errors, caption by caption. */
export function relativeErrors(
	latents: Float32Array,
	truth: Float32Array,
	captions: number,
): number[] {
	const size = truth.length / captions;
	return Array.from({ length: captions }, (_, n) => {
		let difference = 0;
		let whole = 0;
		for (let i = n * size; i < (n + 1) * size; i++) {
			difference += (latents[i] - truth[i]) ** 2;
			whole += truth[i] ** 2;
		}
		return Math.sqrt(difference / whole);
	});
}
