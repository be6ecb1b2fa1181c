import { OptionError } from "../errors/optionError.js";
import { type Tensor, tensor } from "../tensor/tensor.js";

/** A piece of a prompt and how much it counts (1 is plain), or "BREAK": the rest goes to the next chunk. */
export type PromptFragment =
	| { readonly text: string; readonly weight: number }
	| "BREAK";

/** What one pair of brackets multiplies by, or divides by. */
const STEP = 1.1;
const MAX_BRACKETS = 2000;
/** Far above what draws anything; beyond it numbers run away. */
const MAX_WEIGHT = 100;
const EXPLICIT_WEIGHT = /:\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))\s*\)/y;

/**
 * A1111's attention syntax: `(word)` counts 1.1 times as much, `(word:1.3)` 1.3 times, `[word]` 1/1.1 times, nested ones
 * multiply, `\(` `\)` `\[` `\]` `\\` are the characters themselves, and the word BREAK begins a new chunk. Brackets that
 * are not closed reach to the end; closing ones without an opening one are text. Neighbours of one weight are joined.
 * @param option which prompt it is, for errors
 * @throws OptionError for over 2,000 brackets, and for weights beyond -100 to 100.
 */
export function parsePromptWeights(
	prompt: string,
	option = "prompt",
): PromptFragment[] {
	const pieces: { text: string; weight: number }[] = [];
	/** Where the text inside each open bracket begins, as an index of `pieces`. */
	const round: number[] = [];
	const square: number[] = [];
	let brackets = 0;
	let text = "";
	const flush = () => {
		if (text) pieces.push({ text, weight: 1 });
		text = "";
	};
	const open = (starts: number[]) => {
		flush();
		starts.push(pieces.length);
		if (++brackets > MAX_BRACKETS)
			throw new OptionError(
				option,
				`it has over ${MAX_BRACKETS} weight brackets; write \\( and \\[ for plain ones`,
			);
	};
	const close = (starts: number[], factor: number) => {
		flush();
		const start = starts.pop() ?? pieces.length;
		for (let i = start; i < pieces.length; i++) pieces[i].weight *= factor;
	};

	for (let at = 0; at < prompt.length; at++) {
		const letter = prompt[at];
		if (letter === "\\") {
			// A backslash before anything else is dropped, as A1111 does.
			if ("()[]\\".includes(prompt[at + 1] ?? " ")) text += prompt[++at];
		} else if (letter === "(") open(round);
		else if (letter === "[") open(square);
		else if (letter === ")" && round.length > 0) close(round, STEP);
		else if (letter === "]" && square.length > 0) close(square, 1 / STEP);
		else if (letter === ":" && round.length > 0) {
			EXPLICIT_WEIGHT.lastIndex = at;
			const explicit = EXPLICIT_WEIGHT.exec(prompt);
			if (explicit) {
				close(round, Number(explicit[1]));
				at += explicit[0].length - 1;
			} else text += letter;
		} else text += letter;
	}
	flush();
	while (round.length > 0) close(round, STEP);
	while (square.length > 0) close(square, 1 / STEP);
	for (const piece of pieces)
		if (!(Math.abs(piece.weight) <= MAX_WEIGHT))
			throw new OptionError(
				option,
				`${JSON.stringify(piece.text.slice(0, 40))} has a weight of ${piece.weight.toPrecision(3)}; weights go from -${MAX_WEIGHT} to ${MAX_WEIGHT}`,
			);
	return joinFragments(pieces);
}

/** Splits pieces at BREAK and joins neighbours of one weight; an empty prompt is one empty piece. */
function joinFragments(
	pieces: readonly { text: string; weight: number }[],
): PromptFragment[] {
	const joined: PromptFragment[] = [];
	for (const { text, weight } of pieces)
		text.split(/\s*\bBREAK\b\s*/).forEach((part, i) => {
			if (i > 0) joined.push("BREAK");
			const last = joined.at(-1);
			if (typeof last === "object" && last.weight === weight)
				joined[joined.length - 1] = { text: last.text + part, weight };
			else if (part) joined.push({ text: part, weight });
		});
	return joined.length > 0 ? joined : [{ text: "", weight: 1 }];
}

/**
 * Text states in which each token counts as `weights` say: every state is multiplied by its weight, and then all by the
 * one factor that restores the mean of each chunk ("Emphasis: Original" in A1111).
 * @param states `[chunks, tokens, width]`
 * @param weights one for each token of each chunk
 * @throws RangeError when there are not as many weights as tokens.
 */
export function weightTextStates(
	states: Tensor,
	weights: readonly (readonly number[])[],
): Tensor {
	const [chunks, tokens, width] = states.dims;
	if (
		weights.length !== chunks ||
		weights.some((chunk) => chunk.length !== tokens)
	)
		throw new RangeError(
			`states of [${states.dims.join(", ")}] need ${chunks} × ${tokens} weights`,
		);
	const weighted = tensor(states.dims);
	weights.forEach((chunk, c) => {
		const start = c * tokens * width;
		let before = 0;
		let after = 0;
		for (let i = 0; i < tokens * width; i++) {
			const value = states.data[start + i];
			const scaled = value * chunk[Math.floor(i / width)];
			before += value;
			after += scaled;
			weighted.data[start + i] = scaled;
		}
		// Plain chunks stay exactly what they were; a mean of nought cannot be restored.
		const factor = after === 0 || after === before ? 1 : before / after;
		for (let i = start; i < start + tokens * width; i++)
			weighted.data[i] *= factor;
	});
	return weighted;
}
