import type { Filter } from "./filters.js";

/** For each output position of one axis: the first input position read, and the weights from there on. */
export interface AxisWeights {
	readonly starts: Int32Array;
	/** How many weights each output position has. */
	readonly counts: Int32Array;
	/** `taps` weights for each output position, the unused ones zero. */
	readonly weights: Float64Array;
	readonly taps: number;
}

/**
 * Weights of antialiased resampling along one axis: the kernel is widened by the scale when shrinking, cut off at the
 * borders and normalised to a sum of 1. Pillow (`Resample.c`) and torch (`interpolate(antialias=True)`) share this rule;
 * Pillow computes in double, torch in float32.
 * @param round to the precision that is imitated
 */
export function axisWeights(
	inputSize: number,
	outputSize: number,
	filter: Filter,
	round: (value: number) => number = (value) => value,
): AxisWeights {
	const scale = round(inputSize / outputSize);
	const filterScale = Math.max(scale, 1);
	const support = filter.support * filterScale;
	const taps = Math.ceil(support) * 2 + 1;
	// Pillow multiplies by the reciprocal; a division would round otherwise and turn some bytes.
	const reciprocal = round(1 / filterScale);
	const starts = new Int32Array(outputSize);
	const counts = new Int32Array(outputSize);
	const weights = new Float64Array(outputSize * taps);
	for (let i = 0; i < outputSize; i++) {
		const center = round((i + 0.5) * scale);
		const start = Math.max(0, Math.trunc(round(center - support + 0.5)));
		const count =
			Math.min(inputSize, Math.trunc(round(center + support + 0.5))) - start;
		let sum = 0;
		for (let j = 0; j < count; j++) {
			const distance = round(round(j + start - center) + 0.5);
			const weight = round(filter.weight(round(distance * reciprocal)));
			weights[i * taps + j] = weight;
			sum += weight;
		}
		if (sum !== 0) for (let j = 0; j < count; j++) weights[i * taps + j] /= sum;
		starts[i] = start;
		counts[i] = count;
	}
	return { starts, counts, weights, taps };
}
