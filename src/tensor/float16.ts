/** The value of an IEEE 754 binary16. */
export function float16(bits: number): number {
	const sign = bits & 0x8000 ? -1 : 1;
	const exponent = (bits >> 10) & 0x1f;
	const fraction = bits & 0x3ff;
	if (exponent === 0) return sign * fraction * 2 ** -24;
	if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
	return sign * (1024 + fraction) * 2 ** (exponent - 25);
}
