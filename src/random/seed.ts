/** A seed as JSON can say it: a number where that is exact, else its decimal digits. */
export type Seed = number | string;

/** The seed as a number if no digit is lost, else as text. */
export function jsonSeed(seed: bigint): Seed {
	const value = Number(seed);
	return Number.isSafeInteger(value) ? value : String(seed);
}

/** Whether it is an integer that `torch.Generator.manual_seed` takes: signed or unsigned, of 64 bits. */
export function seedFits(seed: Seed | bigint): boolean {
	if (typeof seed === "string" && !/^[+-]?\d{1,20}$/.test(seed)) return false;
	const value = BigInt(seed);
	return value >= -(2n ** 63n) && value < 2n ** 64n;
}
