/** Linear interpolation between ascending values, as `numpy.quantile` does; `share` is 0 to 1. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
	const position = share * (sorted.length - 1);
	const low = Math.floor(position);
	const high = Math.min(low + 1, sorted.length - 1);
	return sorted[low] + (position - low) * (sorted[high] - sorted[low]);
}

/** The middle value; the mean of the two middle ones of an even number. */
export function median(values: readonly number[]): number {
	return quantile(
		values.toSorted((a, b) => a - b),
		0.5,
	);
}
