import { UserError } from "../errors/userError.js";
import { givingWay } from "../tensor/giveWay.js";
import type { Features, InnerProducts } from "./features.js";
import { innerProducts } from "./linearAlgebra/innerProducts.js";
import type { Kernel } from "./mmdJackknife.js";

const bandwidth = 10;
/** What CMMD is multiplied by. */
export const CMMD_FACTOR = 1000;

/** exp(−‖x − y‖² / 2σ²). */
export const gaussianKernel: Kernel = (product, first, second) =>
	Math.exp(-(first + second - 2 * product) / (2 * bandwidth ** 2));

/** Rows compared at a time: bounds the memory, whatever the number of images. */
const block = 1024;

/**
 * CMMD (Jayasumana et al. 2024, arXiv 2401.09603) as the reference code computes it: 1000 × the biased squared MMD of
 * CLIP image embeddings (normalised here to length 1) with a Gaussian kernel of σ = 10. The published values use
 * openai/clip-vit-large-patch14-336.
 * @throws UserError when the widths differ or a side is empty.
 */
export async function cmmd(
	first: Features,
	second: Features,
	multiply: InnerProducts = innerProducts,
): Promise<number> {
	if (first.width !== second.width)
		throw new UserError(
			`embeddings of ${first.width} and of ${second.width} values cannot be compared: both sides need the same CLIP model`,
		);
	if (first.count === 0 || second.count === 0)
		throw new UserError("CMMD needs images on both sides");
	const x = normalized(first);
	const y = normalized(second);
	return (
		CMMD_FACTOR *
		((await meanKernel(x, x, multiply)) +
			(await meanKernel(y, y, multiply)) -
			2 * (await meanKernel(x, y, multiply)))
	);
}

/** Rows scaled to length 1 in float32, as the embeddings of the reference are. */
export function normalized({ count, width, data }: Features): Features {
	const scaled = new Float32Array(data.length);
	for (let row = 0; row < count; row++) {
		let squares = 0;
		for (let i = 0; i < width; i++) squares += data[row * width + i] ** 2;
		const length = Math.sqrt(squares);
		for (let i = 0; i < width; i++)
			scaled[row * width + i] = data[row * width + i] / length;
	}
	return { count, width, data: scaled };
}

function slices({ count, width, data }: Features): Features[] {
	const parts: Features[] = [];
	for (let from = 0; from < count; from += block) {
		const to = Math.min(count, from + block);
		const rows = data.subarray(from * width, to * width);
		parts.push({ count: to - from, width, data: rows });
	}
	return parts;
}

function squaredLengths({ count, width, data }: Features): Float64Array {
	const lengths = new Float64Array(count);
	for (let row = 0; row < count; row++)
		for (let i = 0; i < width; i++) lengths[row] += data[row * width + i] ** 2;
	return lengths;
}

/** Mean of the kernel over all pairs. */
async function meanKernel(
	first: Features,
	second: Features,
	multiply: InnerProducts,
): Promise<number> {
	let sum = 0;
	const giveWay = givingWay();
	for (const left of slices(first)) {
		const leftLengths = squaredLengths(left);
		for (const right of slices(second)) {
			const rightLengths = squaredLengths(right);
			const products = await multiply(left, right);
			for (let i = 0; i < left.count; i++) {
				for (let j = 0; j < right.count; j++)
					sum += gaussianKernel(
						products[i * right.count + j],
						leftLengths[i],
						rightLengths[j],
					);
				if (i % 64 === 0) await giveWay();
			}
		}
	}
	return sum / (first.count * second.count);
}
