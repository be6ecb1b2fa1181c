/** Numbers that a seed repeats (mulberry32), and choices made with them. */
export interface Random {
	/** From 0 up to 1. */
	next(): number;
	/** A whole number from 0 up to `end`, without it. */
	whole(end: number): number;
	pick<T>(values: readonly T[]): T;
	chance(share: number): boolean;
}

/** The random numbers of one input: `words` say which. */
export function randomOf(...words: readonly (number | string)[]): Random {
	let state = 0x9e3779b9;
	for (const letter of words.join("/"))
		state = Math.imul(state ^ letter.charCodeAt(0), 0x01000193) >>> 0;
	const next = () => {
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	};
	const whole = (end: number) => Math.floor(next() * end);
	return {
		next,
		whole,
		pick: (values) => values[whole(values.length)],
		chance: (share) => next() < share,
	};
}
