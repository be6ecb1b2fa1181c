import { freeKeys } from "../formats/freeKeys.js";
import type {
	TensorEntry,
	WeightChange,
	WeightFile,
	Weights,
} from "../formats/weights.js";
import type { AdaptedNetwork } from "./adapterNames.js";
import type { Adapter } from "./openAdapter.js";

/** An adapter as a run uses it. */
export interface AdapterUse {
	readonly adapter: Adapter;
	/** How much of it, network by network: 1 is as it was trained. */
	readonly strength: Readonly<Record<AdaptedNetwork, number>>;
}

/** Weights with adapters: the adapters' tensors beside their own, and what they change. Nothing is read or copied. */
export function withAdapters(
	network: AdaptedNetwork,
	weights: Weights,
	uses: readonly AdapterUse[],
): Weights {
	const files = new Map<string, WeightFile>(weights.files);
	const tensors = new Map<string, TensorEntry>(weights.tensors);
	const adapters = new Map<string, WeightChange[]>();
	for (const [i, { adapter, strength }] of uses.entries()) {
		const changes = adapter.changes[network];
		if (strength[network] === 0 || changes.size === 0) continue;
		const source = adapter.file.weights;
		// two files may have the same name, and tensors of two adapters do
		const keys = freeKeys(source.files.keys(), files, i);
		const fileKey = (key: string) => keys.get(key) ?? key;
		const rename = <Named extends { readonly name: string }>(
			named: Named,
		): Named => ({
			...named,
			name: `${i}/${named.name}`,
		});
		for (const [key, file] of source.files) files.set(fileKey(key), file);
		for (const entry of source.tensors.values())
			tensors.set(`${i}/${entry.name}`, {
				...rename(entry),
				file: fileKey(entry.file),
				origin: { label: adapter.file.label, name: entry.name },
			});
		for (const [layer, made] of changes) {
			const list = adapters.get(layer) ?? [];
			adapters.set(layer, list);
			for (const change of made)
				list.push({ ...renamed(change, rename), strength: strength[network] });
		}
	}
	return adapters.size === 0
		? weights
		: { ...weights, files, tensors, adapters };
}

type Rename = <Named extends { readonly name: string }>(named: Named) => Named;

function renamed(
	change: Omit<WeightChange, "strength">,
	rename: Rename,
): Omit<WeightChange, "strength"> {
	const matrix = (given: WeightChange["matrices"][0]) =>
		"whole" in given
			? { whole: rename(given.whole) }
			: {
					...given,
					up: rename(given.up),
					down: rename(given.down),
					...(given.core && { core: rename(given.core) }),
				};
	const [first, second] = change.matrices;
	return {
		...change,
		matrices: second ? [matrix(first), matrix(second)] : [matrix(first)],
		...(change.magnitude && {
			magnitude: {
				...change.magnitude,
				factor: rename(change.magnitude.factor),
			},
		}),
	};
}
