import type { Pixels } from "../image/resize/pixels.js";
import { buildInception, type InceptionOutput } from "../models/inception.js";
import { onnxRuntime } from "../runtime/onnxruntime/nodeOnnxRuntime.js";
import type { SessionOptions } from "../runtime/session.js";
import { assertFinite } from "../tensor/assertFinite.js";
import { concat, type Tensor } from "../tensor/tensor.js";
import {
	type FidVariant,
	fidResizes,
	preprocessForInception,
} from "./inceptionPreprocessing.js";
import type { InceptionWeights } from "./nodeInceptionWeights.js";

/** A loaded Inception network. */
export interface InceptionExtractor {
	/** Extractor, resize and weights in words: only features with equal words are comparable. */
	readonly madeWith: string;
	/** The outputs asked for, `[images, features]`. */
	extract(images: readonly Pixels[]): Promise<Record<string, Tensor>>;
	release(): Promise<void>;
}

/** Loads FID's Inception v3 for pictures of any size, prepared as `variant` does. */
export async function inceptionExtractor(
	{ weights, hash }: InceptionWeights,
	variant: FidVariant,
	outputs: readonly InceptionOutput[],
	options: SessionOptions = {},
): Promise<InceptionExtractor> {
	const graph = buildInception(weights, outputs, { batch: 1 });
	const session = await onnxRuntime.createSession(graph, options);
	return {
		madeWith: `Inception v3 2015-12-05 (sha256 ${hash}), ${fidResizes[variant]}`,
		async extract(images) {
			const inputs = images.map((image) => ({
				dims: [1, 3, 299, 299],
				data: preprocessForInception(image, variant),
			}));
			const features = await session.run({ images: concat(inputs) });
			for (const [name, output] of Object.entries(features))
				assertFinite(
					`${weights.label}: Inception's ${name}`,
					output,
					"its weights are damaged",
				);
			return features;
		},
		release: () => session.release(),
	};
}
