import { graphBuilder } from "../graph/graphBuilder.js";
import { productTransposed } from "../graph/layers/product.js";
import { onnxRuntime } from "../runtime/onnxruntime/nodeOnnxRuntime.js";
import type { SessionOptions } from "../runtime/session.js";
import type { InnerProducts } from "./features.js";

/**
 * Inner products by ONNX Runtime, in float32 on any of its devices: about twenty times as fast as on the caller's thread.
 * Release it in the end.
 */
export async function runtimeInnerProducts(
	options: SessionOptions & {
		/** What is thrown, where it is aborted, in place of the next products. */
		readonly signal?: AbortSignal;
	},
): Promise<{
	innerProducts: InnerProducts;
	release(): Promise<void>;
}> {
	const none = {
		label: "inner products",
		files: new Map(),
		tensors: new Map(),
	};
	const g = graphBuilder(none, onnxRuntime.flavour(options));
	const left = g.input("left", ["rows", "width"], [1, 1]);
	const right = g.input("right", ["columns", "width"], [1, 1]);
	g.output("products", productTransposed(g, left, right));
	const session = await onnxRuntime.createSession(g.finish(), options);
	return {
		async innerProducts(first, second) {
			options.signal?.throwIfAborted();
			const { products } = await session.run({
				left: { dims: [first.count, first.width], data: first.data },
				right: { dims: [second.count, second.width], data: second.data },
			});
			return products.data;
		},
		release: () => session.release(),
	};
}
