/** Reproducible values from -1 to 1 (a linear congruential generator). */
export function uniformNoise(count: number): Float32Array {
	let state = 1;
	return Float32Array.from({ length: count }, () => {
		state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
		return state / 2 ** 31 - 1;
	});
}
