/** A seed as JSON can say it: a number where that is exact, else its decimal digits. */
export type Seed = number | string;

/** The seed as a number if no digit is lost, else as text. */
export function jsonSeed(seed: bigint): Seed {
	const value = Number(seed);
	return Number.isSafeInteger(value) ? value : String(seed);
}

/** Whether `torch.Generator.manual_seed` takes it: signed or unsigned 64 bits. */
export function seedFits(seed: Seed | bigint): boolean {
	const value = BigInt(seed);
	return value >= -(2n ** 63n) && value < 2n ** 64n;
}
