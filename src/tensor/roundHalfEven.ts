/** Rounds to the nearest integer, halves to the even one, as numpy does. */
export function roundHalfEven(x: number): number {
	const rounded = Math.round(x);
	return Math.abs(x % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}
