import { givingWay } from "../tensor/giveWay.js";
import type { Features, InnerProducts } from "./features.js";

/** A kernel of two vectors, from their inner product and their squared lengths. */
export type Kernel = (
	product: number,
	firstSquares: number,
	secondSquares: number,
) => number;

export interface MmdJackknifeOptions {
	readonly kernel: Kernel;
	/** Unbiased: without each vector's kernel with itself. */
	readonly unbiased: boolean;
	readonly groups: number;
	readonly innerProducts: InnerProducts;
}

/** Vectors compared at a time: bounds the memory, whatever their number. */
const BLOCK = 1024;

/**
 * Squared maximum mean discrepancies (Gretton et al. 2012) of `first` without each of `groups` groups in turn (row n is in group n
 * mod groups) to all of `second`, less the constant that `second` alone contributes: what `jackknifeInterval` needs. Every
 * kernel value is computed once, and summed by group.
 */
export async function mmdReplicates(
	first: Features,
	second: Features,
	{ kernel, unbiased, groups, innerProducts }: MmdJackknifeOptions,
): Promise<Float64Array> {
	const parts = Array.from({ length: groups }, (_, group) =>
		groupBlocks(first, group, groups),
	);
	const others = blocks(second);
	// own[a][b]: kernel sums of group a with group b; across[a]: of group a with `second`
	const own = parts.map(() => new Float64Array(groups));
	const across = new Float64Array(groups);
	const selves = new Float64Array(groups);
	const giveWay = givingWay();
	const sum = async (left: Block, right: Block) => {
		const products = await innerProducts(left.features, right.features);
		let total = 0;
		for (let i = 0; i < left.squares.length; i++) {
			for (let j = 0; j < right.squares.length; j++)
				total += kernel(
					products[i * right.squares.length + j],
					left.squares[i],
					right.squares[j],
				);
			if (i % 64 === 0) await giveWay();
		}
		return total;
	};
	for (let a = 0; a < groups; a++)
		for (const left of parts[a]) {
			for (const squares of left.squares)
				selves[a] += kernel(squares, squares, squares);
			for (const right of others) across[a] += await sum(left, right);
			for (let b = 0; b <= a; b++)
				for (const right of parts[b]) own[a][b] += await sum(left, right);
		}
	let [ownTotal, acrossTotal, selfTotal] = [0, 0, 0];
	for (let a = 0; a < groups; a++) {
		for (let b = 0; b < a; b++) own[b][a] = own[a][b];
		acrossTotal += across[a];
		selfTotal += selves[a];
	}
	for (const row of own) for (const value of row) ownTotal += value;
	return Float64Array.from({ length: groups }, (_, group) => {
		const size = parts[group].reduce((n, { squares }) => n + squares.length, 0);
		const left = first.count - size;
		const row = own[group].reduce((total, value) => total + value, 0);
		const pairs = ownTotal - 2 * row + own[group][group];
		const within = unbiased
			? (pairs - (selfTotal - selves[group])) / (left * (left - 1))
			: pairs / left ** 2;
		return within - (2 * (acrossTotal - across[group])) / (left * second.count);
	});
}

interface Block {
	readonly features: Features;
	/** Squared length of each row. */
	readonly squares: Float64Array;
}

function groupBlocks(
	{ count, width, data }: Features,
	group: number,
	groups: number,
): Block[] {
	const rows = Math.ceil((count - group) / groups);
	const chosen = new Float32Array(rows * width);
	for (let n = 0; n < rows; n++) {
		const row = group + n * groups;
		chosen.set(data.subarray(row * width, (row + 1) * width), n * width);
	}
	return blocks({ count: rows, width, data: chosen });
}

function blocks({ count, width, data }: Features): Block[] {
	const found: Block[] = [];
	for (let from = 0; from < count; from += BLOCK) {
		const to = Math.min(count, from + BLOCK);
		const rows = data.subarray(from * width, to * width);
		const squares = new Float64Array(to - from);
		for (let n = 0; n < squares.length; n++)
			for (let i = 0; i < width; i++) squares[n] += rows[n * width + i] ** 2;
		found.push({ features: { count: to - from, width, data: rows }, squares });
	}
	return found;
}
