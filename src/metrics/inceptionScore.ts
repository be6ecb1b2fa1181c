import { UserError } from "../errors/userError.js";
import { numpyPermutations } from "../random/numpyPermutation.js";
import type { Features } from "./features.js";
import { type MeanAndDeviation, meanAndDeviation } from "./meanAndDeviation.js";

/**
 * Inception score (Salimans et al. 2016, arXiv 1606.03498) as torch-fidelity computes it: of the 1008 logits without
 * bias, shuffled with numpy's generator and cut into parts; exp of the mean divergence of each part, then mean and
 * standard deviation over the parts.
 * @throws UserError when there are fewer images than parts.
 */
export function inceptionScore(
	logits: Features,
	{ splits = 10, seed = 2020 } = {},
): MeanAndDeviation {
	const { count, width } = logits;
	if (count < splits)
		throw new UserError(
			`an Inception score in ${splits} parts needs at least ${splits} images, not ${count}`,
		);
	const order = numpyPermutations(seed).next(count);
	const scores = Array.from({ length: splits }, (_, part) => {
		const from = Math.floor((part * count) / splits);
		const to = Math.floor(((part + 1) * count) / splits);
		const chosen = order.subarray(from, to);
		return splitScore(logits, chosen, width);
	});
	return meanAndDeviation(scores);
}

function splitScore(logits: Features, rows: Int32Array, width: number): number {
	const logs = new Float64Array(rows.length * width);
	const marginal = new Float64Array(width);
	rows.forEach((row, i) => {
		const values = logits.data.subarray(row * width, (row + 1) * width);
		const log = logSoftmax(values);
		logs.set(log, i * width);
		for (let c = 0; c < width; c++)
			marginal[c] += Math.exp(log[c]) / rows.length;
	});
	let divergence = 0;
	for (let i = 0; i < rows.length; i++)
		for (let c = 0; c < width; c++) {
			const log = logs[i * width + c];
			divergence += Math.exp(log) * (log - Math.log(marginal[c]));
		}
	return Math.exp(divergence / rows.length);
}

function logSoftmax(values: Float32Array): Float64Array {
	const largest = values.reduce((a, b) => Math.max(a, b));
	let sum = 0;
	for (const value of values) sum += Math.exp(value - largest);
	const shift = largest + Math.log(sum);
	return Float64Array.from(values, (value) => value - shift);
}
