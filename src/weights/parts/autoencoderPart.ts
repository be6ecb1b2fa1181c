import { UserError } from "../../errors/userError.js";
import { renameVae } from "../checkpoint/checkpointVae.js";
import { weightsKind } from "../checkpoint/foreignWeights.js";
import type { TensorEntry } from "../formats/weights.js";
import type { OpenedPart } from "./openedPart.js";

/** An autoencoder under diffusers' names, with its config as JSON. */
export type AutoencoderPart = OpenedPart & { readonly config: unknown };

const prefix = "first_stage_model.";

/**
 * An autoencoder as it was opened, under diffusers' names: AutoencoderKL or AutoencoderTiny from a folder; a single file of either, whose config
 * is told from its shapes; TAESD's own files (taesd_decoder, taesd_encoder), which are one half each.
 * @throws UserError when it is something else.
 */
export function autoencoderPart(part: OpenedPart): AutoencoderPart {
	const { label, weights } = part;
	if (part.config !== undefined) return { ...part, config: part.config };
	const names = new Map<string, TensorEntry>();
	for (const [name, entry] of weights.tensors) {
		const plain = name.startsWith(prefix) ? name.slice(prefix.length) : name;
		names.set(plain, { ...entry, name: plain });
	}
	const isTiny = [...names.keys()].every((name) =>
		/^((en|de)coder\.layers\.)?\d+\.(weight|bias|conv\.\d\.(weight|bias))$/.test(
			name,
		),
	);
	if (isTiny) {
		const tensors = tinyNames(names);
		return {
			label,
			config: tinyConfig(tensors),
			weights: { ...weights, tensors },
		};
	}
	if (names.has("decoder.up.0.block.0.conv1.weight")) {
		const { tensors, inferConfig } = renameVae(names, label);
		return { label, config: inferConfig(), weights: { ...weights, tensors } };
	}
	const foreign = weightsKind(names.keys());
	throw new UserError(
		`${label} is no autoencoder whose config can be told${foreign ? `: it is ${foreign}` : "; give its folder, with config.json"}`,
		{ code: "unsupported" },
	);
}

/** TAESD's own decoder begins with a layer without weights, which diffusers leaves out of the count. */
function tinyNames(
	names: ReadonlyMap<string, TensorEntry>,
): ReadonlyMap<string, TensorEntry> {
	if (![...names.keys()].some((name) => /^\d/.test(name))) return names;
	const isEncoder = names.has("0.weight");
	return new Map(
		[...names].map(([original, entry]) => {
			const dot = original.indexOf(".");
			const layer = Number(original.slice(0, dot)) - (isEncoder ? 0 : 1);
			const name = `${isEncoder ? "en" : "de"}coder.layers.${layer}${original.slice(dot)}`;
			return [name, { ...entry, name }] as const;
		}),
	);
}

/** Channels, and how many blocks there are at each level, by what lies between two convolutions. */
function tinyConfig(tensors: ReadonlyMap<string, TensorEntry>) {
	const shape = (name: string) => tensors.get(name)?.shape;
	const half = (way: "encoder" | "decoder") => {
		const own = [...tensors.keys()].flatMap((name) => {
			const layer = new RegExp(
				`^${way}\\.layers\\.(\\d+)\\.(?:(weight)|conv\\.0\\.weight)$`,
			).exec(name);
			return layer
				? [{ layer: Number(layer[1]), isConv: layer[2] !== undefined }]
				: [];
		});
		own.sort((a, b) => a.layer - b.layer);
		const counts: number[] = [];
		let since = 0;
		for (const { isConv } of own.slice(1)) {
			if (isConv) counts.push(since);
			since = isConv ? 0 : since + 1;
		}
		const channels = shape(`${way}.layers.0.weight`)?.[0];
		return channels && counts.length > 0
			? {
					[`num_${way}_blocks`]: counts,
					[`${way}_block_out_channels`]: counts.map(() => channels),
				}
			: {};
	};
	const [encoder, decoder] = [half("encoder"), half("decoder")];
	const latents =
		shape("decoder.layers.0.weight")?.[1] ??
		[...tensors]
			.filter(([name]) => /^encoder\.layers\.\d+\.bias$/.test(name))
			.at(-1)?.[1].shape[0];
	return {
		_class_name: "AutoencoderTiny",
		...encoder,
		...decoder,
		latent_channels: latents,
	};
}
