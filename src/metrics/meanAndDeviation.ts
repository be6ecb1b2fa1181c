/** Mean and population standard deviation (`numpy.mean`, `numpy.std`). */
export interface MeanAndDeviation {
	readonly mean: number;
	readonly deviation: number;
}

/** Both NaN where there are no values. */
export function meanAndDeviation(values: ArrayLike<number>): MeanAndDeviation {
	let sum = 0;
	for (let i = 0; i < values.length; i++) sum += values[i];
	const mean = sum / values.length;
	let squares = 0;
	for (let i = 0; i < values.length; i++) squares += (values[i] - mean) ** 2;
	return { mean, deviation: Math.sqrt(squares / values.length) };
}
