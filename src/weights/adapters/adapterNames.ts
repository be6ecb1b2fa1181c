import { modelFamily } from "../modelFamily.js";

/** What a tensor of an adapter is to the layer that it changes. */
export type AdapterPart =
	| "down"
	| "up"
	| "up_bias"
	| "mid"
	| "alpha"
	| "rowMagnitude"
	| "magnitude"
	| `hada_${"w1_a" | "w1_b" | "w2_a" | "w2_b" | "t1" | "t2"}`
	| `lokr_${"w1" | "w1_a" | "w1_b" | "w2" | "w2_a" | "w2_b" | "t2"}`
	| "diff"
	| "diff_b";

/** The networks of a Stable Diffusion model that adapters change. */
export const adaptedNetworks = [
	"unet",
	"text_encoder",
	"text_encoder_2",
] as const;
export type AdaptedNetwork = (typeof adaptedNetworks)[number];

/** A tensor's name taken apart. */
export interface AdapterName {
	/** As far as the name says. */
	readonly network: AdaptedNetwork | undefined;
	/** The layer, with its dots and underscores all underscores: kohya's names do not tell them apart. */
	readonly layer: string;
	readonly part: AdapterPart;
}

/**
 * The ends of names, of kohya's and LyCORIS' files, of PEFT's, and of those that diffusers wrote before it used PEFT. An adapter that PEFT
 * holds under a name of its own (`default`) may have that before `.weight`.
 */
const parts: readonly (readonly [RegExp, AdapterPart?])[] = [
	[/[._]lora([._]linear_layer)?[._]down(\.weight)?$/, "down"],
	[/[._]lora([._]linear_layer)?[._]up(\.weight)?$/, "up"],
	[/\.lora_A(\.\w+)??(\.weight)?$/, "down"],
	[/\.lora_B(\.\w+)??\.bias$/, "up_bias"],
	[/\.lora_B(\.\w+)??(\.weight)?$/, "up"],
	[/\.lora_mid(\.weight)?$/, "mid"],
	[/\.alpha$/, "alpha"],
	[/\.lora_magnitude_vector(\.\w+)*$/, "rowMagnitude"],
	[/\.dora_scale$/, "magnitude"],
	[/\.(hada_(?:w[12]_[ab]|t[12])|lokr_(?:w[12](?:_[ab])?|t2))(\.\w+)?$/],
	[/\.(diff|w_norm)$/, "diff"],
	[/\.(diff_b|b_norm)$/, "diff_b"],
];

const networks: readonly (readonly [RegExp, AdaptedNetwork | undefined])[] = [
	[/^lora_unet_|^unet\.|^(model\.)?diffusion_model\./, "unet"],
	[/^lora_te1?_|^text_encoder\./, "text_encoder"],
	[/^lora_te2_|^text_encoder_2\./, "text_encoder_2"],
	[/^lycoris_/, undefined],
];

/** Takes the name of an adapter's tensor apart; undefined where it is no known one. */
export function adapterName(name: string): AdapterName | undefined {
	for (const [pattern, part] of parts) {
		const match = pattern.exec(name);
		if (!match) continue;
		const path = name.slice(0, match.index).replace(/^base_model\.model\./, "");
		for (const [prefix, network] of [...networks, [/^/, undefined] as const]) {
			const found = prefix.exec(path);
			if (!found) continue;
			const layer = plainLayer(path.slice(found[0].length));
			return { network, layer, part: part ?? (match[1] as AdapterPart) };
		}
	}
	return undefined;
}

/** A layer's name with underscores only, without what only some programs write in it. */
export function plainLayer(path: string): string {
	return path
		.replace(/\.processor(?=\.|$)/, "")
		.replace(/[.]/g, "_")
		.replace(/^text_model_/, "");
}

/** What an adapter is for, where its names or shapes tell, in words that follow "is for" (see `modelFamily`). */
export function adapterFamily(
	names: Iterable<string>,
	shapeOf: (name: string) => readonly number[] | undefined,
): string | undefined {
	let family: string | undefined;
	for (const name of names) {
		if (
			/(^|[._])(double_blocks|single_blocks|single_transformer_blocks|joint_blocks)[._]|^transformer\.|^lora_(transformer|prior)_/.test(
				name,
			)
		)
			return "a diffusion transformer (SD3, FLUX, …)";
		if (/^lora_te2_|^text_encoder_2\./.test(name)) return "SDXL";
		const known = adapterName(name);
		const seesText =
			known?.network === "text_encoder"
				? /_self_attn_[qkv]_proj$/.test(known.layer)
				: /_attn2_to_[kv]$/.test(known?.layer ?? "");
		const isInner = known?.part === "down" || known?.part === "hada_w1_b";
		const width = seesText && isInner ? shapeOf(name)?.[1] : undefined;
		if (width !== undefined) family = modelFamily(width);
	}
	return family;
}
