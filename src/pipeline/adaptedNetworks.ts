import type { TokenBeyond } from "../tokenizer/tokensBeyond.js";
import type { AdaptedNetwork } from "../weights/adapters/adapterNames.js";
import type { Embedding } from "../weights/adapters/embedding.js";
import {
	type AdapterUse,
	withAdapters,
} from "../weights/adapters/withAdapters.js";
import type {
	Factor,
	TensorEntry,
	WeightFile,
	Weights,
} from "../weights/formats/weights.js";

/** What changes the networks for a run. */
export interface RunAdapters {
	readonly loras: readonly AdapterUse[];
	/** Their ids follow the vocabulary's in this order. */
	readonly embeddings: readonly Embedding[];
}

export const NO_ADAPTERS: RunAdapters = { loras: [], embeddings: [] };

/** A network's weights as adapters leave them. */
export interface AdaptedWeights {
	readonly weights: Weights;
	/** The same for the same adapters, by their content and strength; nothing where there are none. */
	readonly variant: string;
}

/** A text encoder's weights, with the vectors of added tokens among them. */
export interface AdaptedText extends AdaptedWeights {
	readonly addedTokens: readonly Factor[];
}

export function adaptedUnet(
	weights: Weights,
	{ loras }: RunAdapters,
): AdaptedWeights {
	return {
		weights: withAdapters("unet", weights, loras),
		variant: lorasKey("unet", loras),
	};
}

export function adaptedText(
	network: AdaptedNetwork,
	weights: Weights,
	{ loras, embeddings }: RunAdapters,
): AdaptedText {
	const adapted = withAdapters(network, weights, loras);
	const files = new Map<string, WeightFile>(adapted.files);
	const tensors = new Map<string, TensorEntry>(adapted.tensors);
	const addedTokens = embeddings.map(({ vectors, weights: own }, i) => {
		const name = `embedding ${i}`;
		const entry = own.tensors.get(vectors.name);
		const file = entry && own.files.get(entry.file);
		if (entry && file) {
			const key = `e${i}.${entry.file}`;
			files.set(key, file);
			const { shape } = vectors;
			const origin = { label: own.label, name: vectors.name };
			tensors.set(name, { ...entry, name, shape, file: key, origin });
		}
		return { name, shape: vectors.shape };
	});
	const keys = embeddings.map(({ token, hash }) => `${token}=${hash}`);
	return {
		weights: addedTokens.length > 0 ? { ...adapted, files, tensors } : adapted,
		variant: [lorasKey(network, loras), ...keys].join(" ").trim(),
		addedTokens,
	};
}

function lorasKey(
	network: AdaptedNetwork,
	loras: readonly AdapterUse[],
): string {
	return loras
		.filter(
			({ adapter, strength }) =>
				strength[network] !== 0 && adapter.changes[network].size > 0,
		)
		.map(({ adapter, strength }) => `${adapter.file.hash}:${strength[network]}`)
		.join(" ");
}

/** The tokens of embeddings, whose ids follow a vocabulary's. */
export function tokensOf(
	embeddings: readonly Embedding[],
	vocabSize: number,
): TokenBeyond[] {
	let next = vocabSize;
	return embeddings.map(({ token, vectors }) => {
		const first = next;
		next += vectors.shape[0];
		const ids = Array.from({ length: next - first }, (_, i) => first + i);
		return { content: token, ids };
	});
}
