/** ‖a − b‖ / ‖b‖. */
export function relativeError(
	values: ArrayLike<number>,
	truth: ArrayLike<number>,
): number {
	let difference = 0;
	let norm = 0;
	for (let i = 0; i < truth.length; i++) {
		difference += (values[i] - truth[i]) ** 2;
		norm += truth[i] ** 2;
	}
	return Math.sqrt(difference / norm);
}
