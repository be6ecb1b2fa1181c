import type { InnerProducts } from "../features.js";
import { addProduct } from "./productKernel.js";

/** Inner products in double on the caller's thread. */
export const innerProducts: InnerProducts = async (left, right) => {
	const width = left.width;
	const result = new Float64Array(left.count * right.count);
	const doubles = Float64Array.from(left.data);
	const others = left === right ? doubles : Float64Array.from(right.data);
	const symmetric = left === right;
	addProduct(
		{ data: result, offset: 0, stride: right.count },
		{ data: doubles, offset: 0, stride: width },
		{ data: others, offset: 0, stride: width },
		left.count,
		right.count,
		width,
		1,
		symmetric,
	);
	if (symmetric)
		for (let i = 0; i < left.count; i++)
			for (let j = 0; j < i; j++)
				result[j * right.count + i] = result[i * right.count + j];
	return result;
};
