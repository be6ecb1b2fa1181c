const ROUNDS = 10;
const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const KEY_STEP_0 = 0x9e3779b9;
const KEY_STEP_1 = 0xbb67ae85;

/** The upper 32 bits of the product of two unsigned 32-bit integers. */
function multiplyHigh(a: number, b: number): number {
	const aLow = a & 0xffff;
	const aHigh = a >>> 16;
	const bLow = b & 0xffff;
	const bHigh = b >>> 16;
	// Each partial sum stays below 2^53, so plain numbers hold it exactly.
	const low = aLow * bLow;
	const middle = aHigh * bLow + (low - (low & 0xffff)) / 0x10000;
	const middleLow = middle % 0x10000;
	const carry = aLow * bHigh + middleLow;
	return (
		(aHigh * bHigh +
			(middle - middleLow) / 0x10000 +
			Math.floor(carry / 0x10000)) >>>
		0
	);
}

/**
 * Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): encrypts the four 32-bit words
 * of `block` in place under the 64-bit key (`key0` its low, `key1` its high word).
 */
export function philox(block: Uint32Array, key0: number, key1: number): void {
	let [a, b, c, d] = block;
	let k0 = key0 >>> 0;
	let k1 = key1 >>> 0;
	for (let round = 0; round < ROUNDS; round++) {
		const high0 = multiplyHigh(MULTIPLIER_0, a);
		const low0 = Math.imul(MULTIPLIER_0, a);
		const high1 = multiplyHigh(MULTIPLIER_1, c);
		const low1 = Math.imul(MULTIPLIER_1, c);
		a = (high1 ^ b ^ k0) >>> 0;
		b = low1 >>> 0;
		c = (high0 ^ d ^ k1) >>> 0;
		d = low0 >>> 0;
		k0 = (k0 + KEY_STEP_0) >>> 0;
		k1 = (k1 + KEY_STEP_1) >>> 0;
	}
	block[0] = a;
	block[1] = b;
	block[2] = c;
	block[3] = d;
}
