import { mersenneTwister } from "./mersenneTwister.js";

/** Successive random orders of 0 … count − 1. */
export interface Permutations {
	next(count: number): Int32Array;
}

/**
 * `numpy.random.RandomState(seed).permutation(count)`, call after call; `choice(count, k, replace=False)` is the first
 * k of it. Fisher–Yates from the end on MT19937, each index drawn under a bit mask and drawn again if too large
 * (numpy's legacy `random_interval`).
 */
export function numpyPermutations(seed: number): Permutations {
	const generator = mersenneTwister(BigInt(seed));
	const below = (last: number) => {
		const mask = last === 0 ? 0 : 0xffffffff >>> Math.clz32(last);
		for (;;) {
			const value = (generator.next() & mask) >>> 0;
			if (value <= last) return value;
		}
	};
	return {
		next(count) {
			const order = Int32Array.from({ length: count }, (_, i) => i);
			for (let i = count - 1; i > 0; i--) {
				const j = below(i);
				const kept = order[i];
				order[i] = order[j];
				order[j] = kept;
			}
			return order;
		},
	};
}
