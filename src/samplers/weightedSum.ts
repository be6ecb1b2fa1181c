/** A coefficient and the array it multiplies. */
export type Term = readonly [coefficient: number, values: Float32Array];

/**
 * Σ coefficient · values, elementwise, summed in double precision. Terms whose coefficient is 0 are left out, so that
 * values of no weight cannot bring in NaN.
 * @throws RangeError when the arrays differ in length.
 */
export function weightedSum(...terms: readonly Term[]): Float32Array {
	const length = terms[0]?.[1].length ?? 0;
	const sum = new Float64Array(length);
	for (const [coefficient, values] of terms) {
		if (values.length !== length)
			throw new RangeError(
				`arrays of ${length} and ${values.length} values cannot be summed`,
			);
		if (coefficient === 0) continue;
		for (let i = 0; i < length; i++) sum[i] += coefficient * values[i];
	}
	return Float32Array.from(sum);
}
