import type { MersenneTwister } from "./mersenneTwister.js";

/** The values in an order drawn by `generator` (Fisher and Yates). */
export function shuffled<Value>(
	values: readonly Value[],
	generator: MersenneTwister,
): Value[] {
	const result = [...values];
	for (let i = result.length - 1; i > 0; i--) {
		const other = Math.floor((generator.next() / 2 ** 32) * (i + 1));
		[result[i], result[other]] = [result[other], result[i]];
	}
	return result;
}
