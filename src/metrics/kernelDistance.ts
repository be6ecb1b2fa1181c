import { UserError } from "../errors/userError.js";
import type { Features, InnerProducts } from "./features.js";
import { innerProducts } from "./linearAlgebra/innerProducts.js";
import { type MeanAndDeviation, meanAndDeviation } from "./meanAndDeviation.js";
import { numpyPermutations } from "./numpyPermutation.js";

export interface KernelDistanceOptions {
	/** torch-fidelity: 100. */
	readonly subsets?: number;
	/** torch-fidelity: 1000. */
	readonly subsetSize?: number;
	/** torch-fidelity: 2020. */
	readonly seed?: number;
	/** Another way to multiply, such as a GPU's. */
	readonly innerProducts?: InnerProducts;
}

/**
 * Kernel Inception Distance (Bińkowski et al. 2018, arXiv 1801.01401) as torch-fidelity computes it: the unbiased
 * squared MMD with the kernel (x·y / width + 1)³, mean and standard deviation over random subsets, which are the very
 * subsets that numpy draws for torch-fidelity's seed.
 * @throws UserError when a side has fewer vectors than a subset, or the widths differ.
 */
export function kernelDistance(
	first: Features,
	second: Features,
	options: KernelDistanceOptions = {},
): MeanAndDeviation {
	const { subsets = 100, subsetSize = 1000, seed = 2020 } = options;
	const multiply = options.innerProducts ?? innerProducts;
	if (first.width !== second.width)
		throw new UserError(
			`features of ${first.width} and of ${second.width} values cannot be compared: both sides need the same extractor`,
		);
	const fewest = Math.min(first.count, second.count);
	if (subsetSize < 2 || fewest < subsetSize)
		throw new UserError(
			`KID subsets of ${subsetSize} need as many images on each side (and at least 2); there are ${first.count} and ${second.count}: choose a smaller subset size`,
		);
	const permutations = numpyPermutations(seed);
	const pick = (count: number) =>
		permutations.next(count).subarray(0, subsetSize);
	const draws = Array.from({ length: subsets }, () => ({
		rows: pick(first.count),
		columns: pick(second.count),
	}));
	// Subsets overlap: where they are many, every inner product is computed once for all of them.
	const all = (first.count + second.count) ** 2;
	const whole = all <= 3 * subsets * subsetSize ** 2 && all <= 2 ** 28;
	const table = whole
		? {
				xx: multiply(first, first),
				yy: multiply(second, second),
				xy: multiply(first, second),
			}
		: undefined;
	const identity = Int32Array.from({ length: subsetSize }, (_, i) => i);
	const values = draws.map(({ rows, columns }) => {
		if (table)
			return discrepancy(table, rows, columns, first, second, first.width);
		const x = gather(first, rows);
		const y = gather(second, columns);
		const products = {
			xx: multiply(x, x),
			yy: multiply(y, y),
			xy: multiply(x, y),
		};
		return discrepancy(products, identity, identity, x, y, first.width);
	});
	return meanAndDeviation(values);
}

function gather({ width, data }: Features, rows: Int32Array): Features {
	const gathered = new Float32Array(rows.length * width);
	rows.forEach((row, i) => {
		gathered.set(data.subarray(row * width, (row + 1) * width), i * width);
	});
	return { count: rows.length, width, data: gathered };
}

interface Products {
	readonly xx: Float64Array;
	readonly yy: Float64Array;
	readonly xy: Float64Array;
}

/** Unbiased squared MMD of the chosen rows. */
function discrepancy(
	{ xx, yy, xy }: Products,
	rows: Int32Array,
	columns: Int32Array,
	first: Features,
	second: Features,
	width: number,
): number {
	const size = rows.length;
	const cube = (product: number) => (product / width + 1) ** 3;
	let same = 0;
	let cross = 0;
	for (let i = 0; i < size; i++)
		for (let j = 0; j < size; j++) {
			cross += cube(xy[rows[i] * second.count + columns[j]]);
			if (i !== j)
				same +=
					cube(xx[rows[i] * first.count + rows[j]]) +
					cube(yy[columns[i] * second.count + columns[j]]);
		}
	return same / (size * (size - 1)) - (2 * cross) / (size * size);
}
