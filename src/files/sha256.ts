/** SHA-256 of bytes that come in pieces, which the browser's own cannot take (FIPS 180-4). */
export interface Sha256 {
	update(bytes: Uint8Array): void;
	/** The digest in hexadecimal; nothing can be added afterwards. */
	hex(): string;
}

const BLOCK = 64;

/** The first 32 bits of the fractional parts of roots of the first primes. */
const { initial, rounds } = constants();

export function sha256(): Sha256 {
	const state = initial.slice();
	const words = new Uint32Array(BLOCK);
	const pending = new Uint8Array(BLOCK);
	let filled = 0;
	let total = 0;

	function block(view: DataView, at: number): void {
		for (let i = 0; i < 16; i++) words[i] = view.getUint32(at + 4 * i);
		for (let i = 16; i < BLOCK; i++) {
			const a = words[i - 15];
			const b = words[i - 2];
			const s0 = rotated(a, 7) ^ rotated(a, 18) ^ (a >>> 3);
			const s1 = rotated(b, 17) ^ rotated(b, 19) ^ (b >>> 10);
			words[i] = words[i - 16] + s0 + words[i - 7] + s1;
		}
		let [a, b, c, d, e, f, g, h] = state;
		for (let i = 0; i < BLOCK; i++) {
			const s1 = rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25);
			const chosen = (e & f) ^ (~e & g);
			const first = (h + s1 + chosen + rounds[i] + words[i]) | 0;
			const s0 = rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22);
			const majority = (a & b) ^ (a & c) ^ (b & c);
			h = g;
			g = f;
			f = e;
			e = (d + first) | 0;
			d = c;
			c = b;
			b = a;
			a = (first + s0 + majority) | 0;
		}
		state[0] += a;
		state[1] += b;
		state[2] += c;
		state[3] += d;
		state[4] += e;
		state[5] += f;
		state[6] += g;
		state[7] += h;
	}

	function update(bytes: Uint8Array): void {
		total += bytes.length;
		let at = 0;
		if (filled > 0) {
			at = Math.min(BLOCK - filled, bytes.length);
			pending.set(bytes.subarray(0, at), filled);
			filled += at;
			if (filled < BLOCK) return;
			block(new DataView(pending.buffer), 0);
			filled = 0;
		}
		const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
		for (; at + BLOCK <= bytes.length; at += BLOCK) block(view, at);
		pending.set(bytes.subarray(at));
		filled = bytes.length - at;
	}

	return {
		update,
		hex() {
			const bits = BigInt(total) * 8n;
			const padding = new Uint8Array(
				(filled < 56 ? 56 - filled : 120 - filled) + 8,
			);
			padding[0] = 0x80;
			new DataView(padding.buffer).setBigUint64(padding.length - 8, bits);
			update(padding);
			return [...state]
				.map((word) => word.toString(16).padStart(8, "0"))
				.join("");
		},
	};
}

function rotated(word: number, by: number): number {
	return (word >>> by) | (word << (32 - by));
}

function constants(): { initial: Uint32Array; rounds: Uint32Array } {
	const primes: number[] = [];
	for (let n = 2; primes.length < BLOCK; n++)
		if (primes.every((prime) => n % prime !== 0)) primes.push(n);
	// 2^32 · the fractional part of a root, exactly: the whole root of prime · 2^96 (2^64 for squares)
	const fraction = (prime: number, power: 2n | 3n) =>
		Number(rootOf(BigInt(prime) << (32n * power), power) & 0xffffffffn);
	return {
		initial: Uint32Array.from(primes.slice(0, 8), (p) => fraction(p, 2n)),
		rounds: Uint32Array.from(primes, (p) => fraction(p, 3n)),
	};
}

/** The whole part of a root, by halving. */
function rootOf(value: bigint, power: bigint): bigint {
	let low = 0n;
	let high = 1n << 40n;
	while (high - low > 1n) {
		const middle = (low + high) / 2n;
		if (middle ** power <= value) low = middle;
		else high = middle;
	}
	return low;
}
