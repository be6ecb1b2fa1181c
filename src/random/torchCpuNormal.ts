import { type MersenneTwister, mersenneTwister } from "./mersenneTwister.js";
import type { NormalSource } from "./normalSource.js";

/** Values that the vectorised Box-Muller transform of torch's CPU kernel turns at a time. */
const BLOCK = 16;
const FLOAT_TWO_PI = Math.fround(2 * Math.PI);

/**
 * `torch.randn` in float32 with `torch.Generator("cpu").manual_seed(seed)`: the integer stream bit for bit, the normals
 * to about 1e-6 (torch's vectorised logarithm, sine and cosine are approximations that differ from machine to machine).
 *
 * Requests under 16 values take torch's scalar path: doubles of 53 bits, two normals from each pair, of which the second
 * is kept for the next small request. Larger ones draw a 24-bit uniform per value and turn them in blocks of 16; where
 * the count is no multiple of 16, the last 16 values are drawn again, over those already there.
 * Source: aten/src/ATen/native/cpu/DistributionTemplates.h and ATen/core/DistributionsHelper.h.
 */
export function torchCpuNormal(seed: bigint): NormalSource {
	const twister = mersenneTwister(seed);
	let kept: number | undefined;

	const scalarNormal = (): number => {
		if (kept !== undefined) {
			const value = kept;
			kept = undefined;
			return value;
		}
		const angle = 2 * Math.PI * uniform53(twister);
		const radius = Math.sqrt(-2 * Math.log1p(-uniform53(twister)));
		kept = radius * Math.sin(angle);
		return radius * Math.cos(angle);
	};

	return {
		normal(count) {
			const values = new Float32Array(count);
			if (count < BLOCK) {
				for (let i = 0; i < count; i++) values[i] = scalarNormal();
				return values;
			}
			fillUniform(values, twister);
			for (let i = 0; i + BLOCK <= count; i += BLOCK)
				boxMuller(values.subarray(i, i + BLOCK));
			if (count % BLOCK !== 0) {
				const tail = values.subarray(count - BLOCK);
				fillUniform(tail, twister);
				boxMuller(tail);
			}
			return values;
		},
	};
}

/** A double in [0, 1) of 53 bits, from two integers, the high one first. */
function uniform53(twister: MersenneTwister): number {
	const high = twister.next() & 0x1fffff;
	return (high * 2 ** 32 + twister.next()) * 2 ** -53;
}

function fillUniform(values: Float32Array, twister: MersenneTwister): void {
	for (let i = 0; i < values.length; i++)
		values[i] = (twister.next() & 0xffffff) * 2 ** -24;
}

/** Turns 16 uniforms into 16 normals in place: value j gives the radius and value j + 8 the angle of the pair (j, j + 8). */
function boxMuller(block: Float32Array): void {
	const half = BLOCK / 2;
	for (let j = 0; j < half; j++) {
		const radius = Math.sqrt(-2 * Math.log(1 - block[j]));
		// torch rounds the angle to float32 here, which moves the result by more than the approximations do.
		const angle = Math.fround(FLOAT_TWO_PI * block[j + half]);
		block[j] = radius * Math.cos(angle);
		block[j + half] = radius * Math.sin(angle);
	}
}
