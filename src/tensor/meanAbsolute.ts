/** The mean of |a - b|. */
export function meanDifference(a: Float32Array, b: Float32Array): number {
	let sum = 0;
	for (let i = 0; i < a.length; i++) sum += Math.abs(a[i] - b[i]);
	return sum / a.length;
}

/** The mean of |values|. */
export function meanMagnitude(values: Float32Array): number {
	let sum = 0;
	for (const value of values) sum += Math.abs(value);
	return sum / values.length;
}
