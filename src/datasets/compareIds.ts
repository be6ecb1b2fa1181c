/** Orders ids: whole numbers by value and before all others, the rest by code units (the same on every machine). */
export function compareIds(a: string, b: string): number {
	const numbers = [a, b].map((id) => /^\d+$/.test(id));
	if (numbers[0] !== numbers[1]) return numbers[0] ? -1 : 1;
	if (numbers[0]) {
		const difference = BigInt(a) - BigInt(b);
		if (difference !== 0n) return difference < 0n ? -1 : 1;
	}
	return a < b ? -1 : a > b ? 1 : 0;
}
