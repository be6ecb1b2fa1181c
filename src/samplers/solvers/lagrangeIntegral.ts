/**
 * ∫ of the Lagrange basis polynomial of `points[which]` from `from` to `to`: two-point Gauss, exact up to cubics, which is up
 * to four points.
 */
export function lagrangeIntegral(
	points: readonly number[],
	which: number,
	from: number,
	to: number,
): number {
	const basis = (x: number) =>
		points.reduce(
			(product, point, k) =>
				k === which
					? product
					: (product * (x - point)) / (points[which] - point),
			1,
		);
	const middle = (from + to) / 2;
	const half = (to - from) / 2;
	const node = half / Math.sqrt(3);
	return half * (basis(middle - node) + basis(middle + node));
}
