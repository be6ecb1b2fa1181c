import { elementCount } from "../../tensor/tensor.js";
import type { GraphBuilder, Value } from "../graphBuilder.js";

/**
 * a · bᵀ over the last two axes: `[…, n, features]` and `[…, m, features]` to `[…, n, m]`. `b` may be a weight as torch stores it,
 * `[out, in]`: it is read transposed by the product itself where the engine can.
 */
export function productTransposed(g: GraphBuilder, a: Value, b: Value): Value {
	const dims = [...a.dims.slice(0, -1), b.dims[b.dims.length - 2]];
	g.countMultiplyAdds(elementCount(dims) * a.dims[a.dims.length - 1]);
	if (g.flavour.linearWeights === "inPlace")
		return g.node("FusedMatMul", [a, b], {
			dims,
			domain: "com.microsoft",
			attributes: { transB: 1n },
		});
	const axes = b.dims.map((_, axis) => axis);
	const perm = [...axes.slice(0, -2), axes[axes.length - 1], axes.length - 2];
	const transposed = g.node("Transpose", [b], {
		dims: perm.map((axis) => b.dims[axis]),
		attributes: { perm: perm.map(BigInt) },
	});
	return g.node("MatMul", [a, transposed], { dims });
}
