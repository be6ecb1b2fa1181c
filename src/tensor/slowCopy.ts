/** Values that are copied at once: some milliseconds, most of them for memory that is touched for the first time. */
const PIECE = 2 ** 21;

/** A copy in memory of its own, made piece by piece: features of large pictures take a tenth of a second. */
export async function slowCopy(
	values: Float32Array,
	giveWay: () => Promise<void>,
): Promise<Float32Array<ArrayBuffer>> {
	if (values.length <= PIECE) {
		await giveWay();
		return new Float32Array(values);
	}
	const copy = new Float32Array(values.length);
	for (let from = 0; from < values.length; from += PIECE) {
		await giveWay();
		copy.set(values.subarray(from, from + PIECE), from);
	}
	return copy;
}
