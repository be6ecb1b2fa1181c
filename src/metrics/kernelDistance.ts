import { UserError } from "../errors/userError.js";
import { numpyPermutations } from "../random/numpyPermutation.js";
import { givingWay } from "../tensor/giveWay.js";
import type { Features, InnerProducts } from "./features.js";
import { innerProducts } from "./linearAlgebra/innerProducts.js";
import { type MeanAndDeviation, meanAndDeviation } from "./meanAndDeviation.js";
import type { Kernel } from "./mmdJackknife.js";

export interface KernelDistanceOptions {
	/** torch-fidelity: 100. */
	readonly subsets?: number;
	/** torch-fidelity: 1000. */
	readonly subsetSize?: number;
	/** torch-fidelity: 2020. */
	readonly seed?: number;
	/** Another way to multiply (see `runtimeInnerProducts`): most of the time goes there. */
	readonly innerProducts?: InnerProducts;
}

/** Kernel values between two looks at the clock. */
const CHUNK = 2 ** 20;

/** KID's kernel for vectors of `width` values: (x·y / width + 1)³. */
export const cubicKernel =
	(width: number): Kernel =>
	(product) =>
		(product / width + 1) ** 3;

/**
 * Kernel Inception Distance (Bińkowski et al. 2018, arXiv 1801.01401) as torch-fidelity computes it: the unbiased
 * squared MMD with the kernel (x·y / width + 1)³, mean and standard deviation over random subsets, which are the very
 * subsets that numpy draws for torch-fidelity's seed.
 * @throws UserError when a side has fewer vectors than a subset, or the widths differ.
 */
export async function kernelDistance(
	first: Features,
	second: Features,
	options: KernelDistanceOptions = {},
): Promise<MeanAndDeviation> {
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
	const giveWay = givingWay();
	const cubed = async (products: Float32Array | Float64Array) => {
		// (product / width + 1)³, in float32 as torch-fidelity has them
		const values = new Float32Array(products.length);
		for (let from = 0; from < values.length; from += CHUNK) {
			const to = Math.min(values.length, from + CHUNK);
			for (let i = from; i < to; i++) {
				const base = products[i] / first.width + 1;
				values[i] = base * base * base;
			}
			await giveWay();
		}
		return values;
	};
	const kernels = async (x: Features, y: Features): Promise<Kernels> => ({
		xx: await cubed(await multiply(x, x)),
		yy: await cubed(await multiply(y, y)),
		xy: await cubed(await multiply(x, y)),
		columns: y.count,
		rows: x.count,
	});
	// Subsets overlap: where they are many, every pair is computed once for all of them.
	const all = first.count ** 2 + second.count ** 2 + first.count * second.count;
	const whole = all <= 3 * subsets * subsetSize ** 2 && all <= 2 ** 28;
	const table = whole ? await kernels(first, second) : undefined;
	const identity = Int32Array.from({ length: subsetSize }, (_, i) => i);
	const values: number[] = [];
	for (const { rows, columns } of draws)
		if (table) values.push(await discrepancy(table, rows, columns, giveWay));
		else {
			const part = await kernels(gather(first, rows), gather(second, columns));
			values.push(await discrepancy(part, identity, identity, giveWay));
		}
	return meanAndDeviation(values);
}

function gather({ width, data }: Features, rows: Int32Array): Features {
	const gathered = new Float32Array(rows.length * width);
	rows.forEach((row, i) => {
		gathered.set(data.subarray(row * width, (row + 1) * width), i * width);
	});
	return { count: rows.length, width, data: gathered };
}

/** Kernel values of all pairs of two sets. */
interface Kernels {
	readonly xx: Float32Array;
	readonly yy: Float32Array;
	readonly xy: Float32Array;
	readonly rows: number;
	readonly columns: number;
}

/** Unbiased squared MMD of the chosen rows; sums in double. */
async function discrepancy(
	kernels: Kernels,
	rows: Int32Array,
	columns: Int32Array,
	giveWay: () => Promise<void>,
): Promise<number> {
	const { xx, yy, xy } = kernels;
	const size = rows.length;
	let same = 0;
	let cross = 0;
	for (let i = 0; i < size; i++) {
		const xRow = rows[i] * kernels.rows;
		const yRow = columns[i] * kernels.columns;
		const crossRow = rows[i] * kernels.columns;
		for (let j = 0; j < size; j++) {
			cross += xy[crossRow + columns[j]];
			same += xx[xRow + rows[j]] + yy[yRow + columns[j]];
		}
		same -= xx[xRow + rows[i]] + yy[yRow + columns[i]];
		if (i % 100 === 0) await giveWay();
	}
	return same / (size * (size - 1)) - (2 * cross) / (size * size);
}
