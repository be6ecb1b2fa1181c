import { OptionError } from "../../errors/optionError.js";
import { UserError } from "../../errors/userError.js";

/**
 * The networks of a diffusers folder: the classes that model_index.json may name for them, and what their weight files are
 * called before `.safetensors`. Where a folder has both an index of shards and a single file, diffusers takes the shards and
 * transformers the file.
 */
export const networkFolders = {
	unet: {
		classes: ["UNet2DConditionModel"],
		stem: "diffusion_pytorch_model",
		shardsFirst: true,
	},
	vae: {
		classes: ["AutoencoderKL", "AutoencoderTiny"],
		stem: "diffusion_pytorch_model",
		shardsFirst: true,
	},
	text_encoder: {
		classes: ["CLIPTextModel"],
		stem: "model",
		shardsFirst: false,
	},
} as const;

/** Its tokenizers, one for each text encoder. */
export const tokenizerFolders = {
	tokenizer: { classes: ["CLIPTokenizer", "CLIPTokenizerFast"] },
} as const;

/** Folder of a network. */
export type NetworkFolder = keyof typeof networkFolders;

export const networkNames = Object.keys(networkFolders) as NetworkFolder[];
export const tokenizerNames = Object.keys(
	tokenizerFolders,
) as (keyof typeof tokenizerFolders)[];

/** A record of what `make` gives for each name. */
export async function recordOf<Name extends string, Value>(
	names: readonly Name[],
	make: (name: Name) => Value | Promise<Value>,
): Promise<Record<Name, Value>> {
	const entries: [Name, Value][] = [];
	for (const name of names) entries.push([name, await make(name)]);
	return Object.fromEntries(entries) as Record<Name, Value>;
}

/** Which files to take where there are several. */
export interface WeightChoice {
	/** This variant ("fp16"): an error where no network has it. */
	readonly variant?: string;
	/** "fp16" prefers the variant of that name where there is one, "fp32" the plain files. */
	readonly dtype?: "fp16" | "fp32";
}

/** The weight file of one network, or the index of its shards. */
export interface ChosenWeights {
	readonly path: string;
	readonly sharded: boolean;
	/** "" for the plain files. */
	readonly variant: string;
}

/**
 * Weight files of a network by variant ("" = plain): NAME.safetensors, NAME.VARIANT.safetensors, and the indices of shards
 * NAME.safetensors.index.json, NAME.safetensors.index.VARIANT.json (as diffusers and transformers write them) or
 * NAME.VARIANT.safetensors.index.json.
 */
export function weightVariants(
	paths: ReadonlySet<string>,
	network: NetworkFolder,
): Map<string, ChosenWeights> {
	const variants = new Map<string, ChosenWeights>();
	const { stem, shardsFirst } = networkFolders[network];
	const pattern = new RegExp(
		`^${network}/${stem}(?:\\.(?<before>[\\w-]+))?\\.safetensors(?<index>\\.index(?:\\.(?<after>[\\w-]+))?\\.json)?$`,
	);
	for (const path of paths) {
		const groups = pattern.exec(path)?.groups;
		if (!groups) continue;
		const variant = groups.before ?? groups.after ?? "";
		// A shard that is named like a variant (model.fp16-00001-of-00002) is no file to load alone.
		if (/-\d{5}-of-\d{5}$/.test(variant)) continue;
		const sharded = groups.index !== undefined;
		if (variants.has(variant) && sharded !== shardsFirst) continue;
		variants.set(variant, { path, sharded, variant });
	}
	return variants;
}

/**
 * The weight files to load for each network. Without a wish the plain files are taken, and a variant where it is the only one
 * there; with `variant`, networks that lack it fall back to their plain files as long as another network has it.
 * @throws UserError that names what is missing and what would be right.
 */
export function chooseWeights(
	paths: ReadonlySet<string>,
	label: string,
	{ variant, dtype }: WeightChoice,
): Record<NetworkFolder, ChosenWeights> {
	const found = new Map(
		networkNames.map((network) => [network, weightVariants(paths, network)]),
	);
	if (
		variant &&
		networkNames.every((network) => !found.get(network)?.has(variant))
	) {
		const there = new Set(
			[...found.values()].flatMap((map) => [...map.keys()]).sort(),
		);
		throw new UserError(
			`${label} has no "${variant}" weights; there are: ${[...there].map((name) => name || "plain ones").join(", ") || "no .safetensors weights at all"}`,
		);
	}
	const choose = (network: NetworkFolder): ChosenWeights => {
		const variants = found.get(network) ?? new Map<string, ChosenWeights>();
		const wishes = [variant, dtype === "fp16" ? "fp16" : undefined, "", "fp16"];
		for (const wish of wishes) {
			const choice = wish === undefined ? undefined : variants.get(wish);
			if (choice) return choice;
		}
		const [only, another] = variants.values();
		if (only && !another) return only;
		if (only)
			throw new OptionError(
				"variant",
				`${label}/${network} has several variants of its weights (${[...variants.keys()].join(", ")}): choose one`,
			);
		throw new UserError(missingWeights(paths, label, network));
	};
	return Object.fromEntries(
		networkNames.map((network) => [network, choose(network)]),
	) as Record<NetworkFolder, ChosenWeights>;
}

function missingWeights(
	paths: ReadonlySet<string>,
	label: string,
	network: NetworkFolder,
): string {
	const { stem } = networkFolders[network];
	const expected = `${stem}.safetensors`;
	const pickled = [...paths].find(
		(path) => path.startsWith(`${network}/`) && isPickle(path),
	);
	return pickled
		? `${label}/${pickled} is a pickle, which can run code when it is loaded: only .safetensors weights are read; get ${network}/${expected}, or convert it with diffusers (save_pretrained(…, safe_serialization=True))`
		: `${label}/${network} has no weights: ${expected} (or a variant such as ${stem}.fp16.safetensors, or shards with ${expected}.index.json) is missing`;
}

/** Whether a file's name is one of those that PyTorch pickles go by. */
export function isPickle(path: string): boolean {
	return /\.(ckpt|pt|pth|bin|pkl|pickle)$/i.test(path);
}
