import { cudaNormal } from "../random/cudaNormal.js";
import type { NormalSource } from "../random/normalSource.js";
import { torchCpuNormal } from "../random/torchCpuNormal.js";
import type { Tensor } from "../tensor/tensor.js";

/** The noise of a batch of images, each from its own seed, as diffusers draws it for a list of generators. */
export interface BatchNoise {
	/** z_T `[images, channels, height, width]`: the first draw of each generator. */
	readonly initial: Tensor;
	/** The next draw of each generator, one after another. */
	readonly next: () => Float32Array;
}

/**
 * @param seeds one an image
 * @param dims of one image's latents `[channels, height, width]`
 */
export function batchNoise(
	seeds: readonly bigint[],
	dims: readonly number[],
	rng: "cpu" | "cuda",
): BatchNoise {
	const next = batchDraws(seeds, dims, rng);
	return { initial: next(), next: () => next().data };
}

/** Standard normal draws `[images, ...dims]`, one after another, each image's from the generator of its seed. */
export function batchDraws(
	seeds: readonly bigint[],
	dims: readonly number[],
	rng: "cpu" | "cuda",
): () => Tensor {
	const count = dims.reduce((product, dim) => product * dim, 1);
	const sources: NormalSource[] = seeds.map((seed) =>
		rng === "cpu" ? torchCpuNormal(seed) : cudaNormal(seed),
	);
	return () => {
		const noise = new Float32Array(count * sources.length);
		for (const [n, source] of sources.entries())
			noise.set(source.normal(count), n * count);
		return { dims: [seeds.length, ...dims], data: noise };
	};
}

/** The seed of image `index` of a run: seed + index, in torch's 64 bits. */
export function imageSeed(seed: bigint, index: number): bigint {
	const next = seed + BigInt(index);
	return seed < 0n ? next : BigInt.asUintN(64, next);
}
