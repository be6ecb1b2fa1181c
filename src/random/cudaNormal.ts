import type { NormalSource } from "./normalSource.js";
import { philox } from "./philox.js";

const FLOAT_2POW32_INVERSE = 2 ** -32;
const FLOAT_2PI_2POW32_INVERSE = Math.fround(2 ** -32 * 2 * Math.PI);

/** How the GPU that is imitated launches its kernel. */
export interface CudaNormalOptions {
	/**
	 * The GPU's threads at one time: multiprocessors × threads per multiprocessor (A100 221,184; H100 SXM 270,336;
	 * RTX 3090 125,952; T4 40,960). Only requests for more values than this depend on it. Without it every value has
	 * a thread of its own, which is what A1111's "RNG: NV" and every GPU give up to its number of threads (latents up to
	 * 800×800 pixels on a T4, 1024×1024 and more elsewhere).
	 */
	readonly threads?: number;
}

/**
 * `torch.randn` in float32 with `torch.Generator("cuda").manual_seed(seed)`, computed on the CPU: Philox4x32-10 keyed
 * with the 64-bit seed, the counter's low half counting calls and its high half naming the thread, and cuRAND's
 * Box-Muller transform in float32. Integers are the same; normals agree to a few units in the last place.
 * Source: ATen/native/cuda/DistributionTemplates.h and curand_normal4 of cuRAND's device API.
 */
export function cudaNormal(
	seed: bigint,
	options: CudaNormalOptions = {},
): NormalSource {
	const key0 = Number(BigInt.asUintN(32, seed));
	const key1 = Number(BigInt.asUintN(32, seed >> 32n));
	const limit = options.threads ?? Number.POSITIVE_INFINITY;
	const words = new Uint32Array(4);
	let calls = 0;

	return {
		normal(count) {
			const values = new Float32Array(count);
			if (count === 0) return values;
			const threads = Math.min(limit, Math.ceil(count / 256) * 256);
			// Each thread turns four words into four normals a round and writes them `threads` apart.
			const rounds = Math.ceil(count / (4 * threads));
			for (let round = 0; round < rounds; round++) {
				const start = round * 4 * threads;
				const active = Math.min(threads, count - start);
				for (let thread = 0; thread < active; thread++) {
					words[0] = calls + round;
					words[1] = Math.floor((calls + round) / 2 ** 32);
					words[2] = thread;
					words[3] = 0;
					philox(words, key0, key1);
					for (let pair = 0; pair < 2; pair++) {
						const at = start + thread + 2 * pair * threads;
						if (at >= count) break;
						const radius = radiusOf(words[2 * pair]);
						const angle = angleOf(words[2 * pair + 1]);
						values[at] = radius * Math.sin(angle);
						if (at + threads < count)
							values[at + threads] = radius * Math.cos(angle);
					}
				}
			}
			calls += rounds;
			return values;
		},
	};
}

/** Box-Muller's radius of an integer, its uniform rounded to float32 in (0, 1] as cuRAND's fused multiply-add does. */
function radiusOf(word: number): number {
	const uniform = Math.fround(
		Math.fround(word) * FLOAT_2POW32_INVERSE + FLOAT_2POW32_INVERSE / 2,
	);
	return Math.fround(Math.sqrt(-2 * Math.log(uniform)));
}

/** Box-Muller's angle of an integer, in (0, 2π], rounded to float32. */
function angleOf(word: number): number {
	return Math.fround(
		Math.fround(word) * FLOAT_2PI_2POW32_INVERSE + FLOAT_2PI_2POW32_INVERSE / 2,
	);
}
