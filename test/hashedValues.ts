/**
 * Values that Python and TypeScript make alike, so that large inputs and random weights need no golden file:
 * murmur3's finalizer of index · 0x9E3779B1 + seed, as a number in [-1, 1), times scale, plus offset. test/reference/hashed_values.py is its twin.
 */
export function hashedValues(
	count: number,
	seed: number,
	scale = 1,
	offset = 0,
): Float32Array {
	const values = new Float32Array(count);
	for (let i = 0; i < count; i++) {
		let x = (Math.imul(i, 0x9e3779b1) + seed) >>> 0;
		x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
		x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
		x = (x ^ (x >>> 16)) >>> 0;
		values[i] = offset + scale * (x / 2 ** 31 - 1);
	}
	return values;
}

/** FNV-1a of a name: a seed for its tensor. */
export function seedOf(name: string): number {
	let hash = 0x811c9dc5;
	for (const byte of new TextEncoder().encode(name))
		hash = Math.imul(hash ^ byte, 0x01000193);
	return hash >>> 0;
}
