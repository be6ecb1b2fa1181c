/** Weights of samples at `points` in the value at `at` of the polynomial through them; they add up to 1. */
export function lagrangeWeights(
	points: readonly number[],
	at: number,
): number[] {
	return points.map((own) =>
		points.reduce(
			(weight, other) =>
				other === own ? weight : (weight * (at - other)) / (own - other),
			1,
		),
	);
}
