import { shorten } from "../../errors/shorten.js";
import { UserError } from "../../errors/userError.js";
import { foreignWeights } from "../checkpoint/foreignWeights.js";
import type { NamedNetworks } from "../folder/modelFiles.js";
import { readTensor } from "../formats/readTensor.js";
import type { OpenWeightFile } from "../formats/weightFile.js";
import type { Weights } from "../formats/weights.js";
import { modelFamily, textWidthOf } from "../modelFamily.js";
import {
	type AdaptedNetwork,
	type AdapterPart,
	adaptedNetworks,
	adapterFamily,
	adapterName,
} from "./adapterNames.js";
import { type LayerChange, layerChanges } from "./layerChanges.js";
import { type FindLayer, layerFinder } from "./layerNames.js";
import { peftScaling } from "./peftScaling.js";

/** A file of an adapter, not yet matched with a model. */
export interface AdapterFile {
	/** For messages. */
	readonly label: string;
	/** What prompts call it: its file's name without the ending. */
	readonly name: string;
	/** Twelve hexadecimal digits of the SHA-256 of its tensors' bytes, as A1111 knows adapters. */
	readonly hash: string;
	readonly weights: Weights;
	/** The safetensors header's `__metadata__`. */
	readonly metadata: ReadonlyMap<string, string>;
	/** adapter_config.json beside it, as PEFT writes it. */
	readonly config?: unknown;
}

/** An adapter that fits a model: what it changes there, network by network, layer by layer. */
export interface Adapter {
	readonly file: AdapterFile;
	readonly changes: Readonly<
		Record<AdaptedNetwork, ReadonlyMap<string, readonly LayerChange[]>>
	>;
	/** Names of its tensors that change nothing in this model. */
	readonly unused: readonly string[];
}

interface Layer {
	readonly network: AdaptedNetwork;
	readonly name: string;
	readonly parts: Map<AdapterPart, string>;
}

/** Adapters of other kinds, by the names that LyCORIS and PEFT give their tensors. */
const otherKinds: readonly { is: string; names: RegExp }[] = [
	{
		is: "an OFT or BOFT adapter (orthogonal finetuning)",
		names: /\.(oft_\w+|boft_\w+)(\.|$)/,
	},
	{ is: "an IA3 adapter", names: /\.(ia3_\w+|on_input)(\.|$)/ },
	{ is: "a GLoRA adapter", names: /\.(a1|a2|b1|b2|bm)\.weight$/ },
];

/**
 * Matches an adapter (LoRA, LoHa, LoKr, full differences, each with or without DoRA's magnitudes) with the networks of a model. Only the scales
 * are read of its data.
 * @throws UserError, one line, when nothing in it fits the model, or shapes do not.
 */
export async function openAdapter(
	file: AdapterFile,
	networks: NamedNetworks,
	open?: OpenWeightFile,
): Promise<Adapter> {
	const { label, weights } = file;
	const shapeOf = (name: string) => weights.tensors.get(name)?.shape;
	const { layers, unused } = layersOf(file, networks);
	const family = adapterFamily(weights.tensors.keys(), shapeOf);
	const textWidth = textWidthOf(networks.unet.weights) ?? 0;
	const isForAnother =
		family === undefined || family === modelFamily(textWidth)
			? undefined
			: `is for ${family}, but the model is ${modelFamily(textWidth)}`;
	const other = otherKinds.find(({ names }) =>
		unused.some((name) => names.test(name)),
	);
	if (other)
		throw new UserError(
			`${label} is ${other.is}: only LoRA, LoHa, LoKr and differences can be used, each with DoRA's magnitudes or without`,
			{ code: "unsupported" },
		);
	if (layers.length === 0) {
		const reason = unused.some((name) => adapterName(name))
			? `it ${isForAnother ?? "is for another kind of model"}`
			: (noAdapter(unused) ?? "it holds no LoRA, LoHa, LoKr or differences");
		throw new UserError(`${label} changes no layer of this model: ${reason}`, {
			code: "invalid_input",
		});
	}
	const scaling = peftScaling(file);
	const changes = {
		unet: new Map(),
		text_encoder: new Map(),
		text_encoder_2: new Map(),
	} satisfies Record<AdaptedNetwork, Map<string, readonly LayerChange[]>>;
	for (const { network, name, parts } of layers) {
		const target = networks[network].weights.tensors;
		const alphaName = parts.get("alpha");
		const alpha =
			alphaName === undefined
				? undefined
				: (await readTensor(weights, alphaName, open)).data[0];
		const made = layerChanges({
			parts,
			tensors: weights.tensors,
			weight: target.get(`${name}.weight`)?.shape ?? [],
			bias: target.get(`${name}.bias`)?.shape,
			scale: (rank) => scaling(network, name, rank, alpha),
		});
		if (typeof made === "string")
			throw new UserError(
				isForAnother
					? `${label} ${isForAnother}`
					: `${label} does not fit this model: ${made} of ${name}, which is [${target.get(`${name}.weight`)?.shape.join(", ")}] here`,
				{ code: "invalid_input" },
			);
		changes[network].set(name, made);
	}
	return { file, changes, unused };
}

/** What weights are instead of an adapter, as far as their names tell. */
function noAdapter(names: readonly string[]): string | undefined {
	const foreign = foreignWeights(names);
	// of a kind of adapter that is not known here, its tensors say more
	if (foreign && !/^a (LoRA|LyCORIS)/.test(foreign)) return `it is ${foreign}`;
	const some = names.slice(0, 2).map((name) => shorten(name));
	return some.length > 0
		? `it holds no LoRA, LoHa, LoKr or differences (but ${some.join(", ")})`
		: undefined;
}

/** The layers that an adapter's tensors are for, and the names that are for none. */
function layersOf(
	{ weights }: AdapterFile,
	networks: NamedNetworks,
): { layers: Layer[]; unused: string[] } {
	const order = adaptedNetworks.filter((name) => networks[name]);
	const find = new Map<AdaptedNetwork, FindLayer>(
		order.map((name) => [name, layerFinder(name, networks[name].weights)]),
	);
	const layers = new Map<string, Layer>();
	const unused: string[] = [];
	for (const name of weights.tensors.keys()) {
		const known = adapterName(name);
		const network =
			known &&
			order.find(
				(one) => (known.network ?? one) === one && find.get(one)?.(known.layer),
			);
		const layer = network && find.get(network)?.(known.layer);
		if (!known || !network || !layer) {
			unused.push(name);
			continue;
		}
		const key = `${network} ${layer}`;
		const entry = layers.get(key) ?? { network, name: layer, parts: new Map() };
		layers.set(key, entry);
		entry.parts.set(known.part, name);
	}
	// a scale alone changes nothing
	for (const [key, { parts }] of layers)
		if ([...parts.keys()].every((part) => /alpha|agnitude/.test(part))) {
			unused.push(...parts.values());
			layers.delete(key);
		}
	return { layers: [...layers.values()], unused };
}
