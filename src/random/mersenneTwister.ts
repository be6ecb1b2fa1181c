const STATE_SIZE = 624;
const SHIFT_SIZE = 397;

/** The stream of 32-bit integers of MT19937 (Matsumoto and Nishimura 1998), as torch's CPU generator draws it. */
export interface MersenneTwister {
	/** The next integer, 0 to 2^32 - 1. */
	next(): number;
}

/** MT19937 with `init_genrand(seed)`. Of the seed only the low 32 bits count, as in torch (negative ones wrap round). */
export function mersenneTwister(seed: bigint): MersenneTwister {
	const state = new Uint32Array(STATE_SIZE);
	state[0] = Number(BigInt.asUintN(32, seed));
	for (let i = 1; i < STATE_SIZE; i++) {
		const previous = state[i - 1] ^ (state[i - 1] >>> 30);
		state[i] = Math.imul(1812433253, previous) + i;
	}
	let position = STATE_SIZE;

	const refill = () => {
		for (let i = 0; i < STATE_SIZE; i++) {
			const joined =
				(state[i] & 0x80000000) | (state[(i + 1) % STATE_SIZE] & 0x7fffffff);
			state[i] =
				state[(i + SHIFT_SIZE) % STATE_SIZE] ^
				(joined >>> 1) ^
				(joined & 1 ? 0x9908b0df : 0);
		}
		position = 0;
	};

	return {
		next() {
			if (position === STATE_SIZE) refill();
			let y = state[position++];
			y ^= y >>> 11;
			y ^= (y << 7) & 0x9d2c5680;
			y ^= (y << 15) & 0xefc60000;
			y ^= y >>> 18;
			return y >>> 0;
		},
	};
}
