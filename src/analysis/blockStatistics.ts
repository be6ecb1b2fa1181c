import { countSketch, type Sketch } from "./sketch.js";

/** How one block's output changes over the evaluations of one run. One entry an evaluation; the first changes are NaN. */
export interface BlockStatistics {
	/** Frobenius norm ‖f_i‖. */
	readonly norm: Float64Array;
	/** ‖f_i − f_{i−1}‖ / ‖f_{i−1}‖. */
	readonly relativeChange: Float64Array;
	/** Mean of (f_i − f_{i−1})². */
	readonly meanSquaredDifference: Float64Array;
	/** Cosine of the angle between f_i and f_{i−1}. */
	readonly cosine: Float64Array;
	/** Cosine similarity of all pairs of evaluations, row-major; of pairs that are not neighbours from sketches. */
	readonly similarity: Float64Array;
	/** ‖f_i − f_j‖ / ‖f_j‖ for j < i (row i, column j; the rest NaN), of pairs that are not neighbours from sketches. */
	readonly relativeDistance: Float64Array;
}

/** Collects one block's statistics of one run, output by output. */
export interface BlockAccumulator {
	add(index: number, values: Float32Array): void;
	finish(): BlockStatistics;
}

/**
 * Keeps the output of the evaluation before, and a sketch of each evaluation: memory is steps x 4096 numbers, however large
 * the features are. Changes from one evaluation to the next are exact.
 */
export function blockAccumulator(evaluations: number): BlockAccumulator {
	const empty = () => new Float64Array(evaluations).fill(Number.NaN);
	const norm = empty();
	const relativeChange = empty();
	const meanSquaredDifference = empty();
	const cosine = empty();
	const similarity = new Float64Array(evaluations ** 2).fill(Number.NaN);
	const relativeDistance = new Float64Array(evaluations ** 2).fill(Number.NaN);
	const sketches: Float32Array[] = [];
	let sketch: Sketch | undefined;
	let previous: Float32Array | undefined;
	return {
		add(index, values) {
			let square = 0;
			for (const value of values) square += value * value;
			norm[index] = Math.sqrt(square);
			similarity[index * evaluations + index] = 1;
			if (!sketch) sketch = countSketch(values.length);
			const own = sketch.apply(values);
			const pair = (other: number, distance: number) => {
				const cos =
					(square + norm[other] ** 2 - distance) /
					(2 * norm[index] * norm[other]);
				similarity[index * evaluations + other] = cos;
				similarity[other * evaluations + index] = cos;
				relativeDistance[index * evaluations + other] =
					Math.sqrt(distance) / norm[other];
				return cos;
			};
			for (let other = 0; other < index - 1; other++)
				pair(other, squaredDistance(own, sketches[other]));
			if (previous) {
				const distance = squaredDistance(values, previous);
				cosine[index] = pair(index - 1, distance);
				relativeChange[index] = Math.sqrt(distance) / norm[index - 1];
				meanSquaredDifference[index] = distance / values.length;
			}
			sketches.push(own);
			previous = Float32Array.from(values);
		},
		finish: () => ({
			norm,
			relativeChange,
			meanSquaredDifference,
			cosine,
			similarity,
			relativeDistance,
		}),
	};
}

function squaredDistance(a: Float32Array, b: Float32Array): number {
	let sum = 0;
	for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
	return sum;
}
