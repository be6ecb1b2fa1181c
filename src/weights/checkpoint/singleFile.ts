import { OptionError } from "../../errors/optionError.js";
import { UserError } from "../../errors/userError.js";
import type { TokenizerFiles } from "../../tokenizer/loadTokenizer.js";
import { hasTokenizer, readTokenizerTexts } from "../folder/diffusersFolder.js";
import {
	type ModelFiles,
	modelFiles,
	type NetworkFiles,
} from "../folder/modelFiles.js";
import { modelKind } from "../folder/modelKind.js";
import { type ModelFolder, readJson } from "../formats/modelFolder.js";
import {
	type ReadableFile,
	readSafetensorsHeader,
} from "../formats/weightFile.js";
import type { TensorEntry } from "../formats/weights.js";
import {
	checkpointSchedule,
	checkpointSchedulerConfig,
} from "./checkpointScheduler.js";
import { renameClipText, renameOpenClipText } from "./checkpointText.js";
import { type RenamedNetwork, renameUnet } from "./checkpointUnet.js";
import { renameVae } from "./checkpointVae.js";
import { foreignWeights } from "./foreignWeights.js";

/** Where a single-file checkpoint's other parts come from. */
export interface SingleFileSources {
	/** A diffusers folder whose configs are taken instead of inferred ones. */
	readonly config?: ModelFolder;
	/** A folder with a tokenizer, or with a `tokenizer/` folder. */
	readonly tokenizer?: ModelFolder;
	/** Folders that may hold CLIP's own vocabulary, tried last. */
	readonly clipTokenizers?: readonly ModelFolder[];
}

const prefixes = {
	unet: "model.diffusion_model.",
	vae: "first_stage_model.",
	clip: "cond_stage_model.transformer.",
	openClip: "cond_stage_model.model.",
} as const;

/** Entries of CLIP's own vocabulary. */
const clipVocabularySize = 49408;

/**
 * Stable Diffusion 1.x or 2.x in one safetensors file with the original (CompVis) names, as community models come: its tensors
 * under diffusers' names, over the same bytes (nothing is copied; see `renameUnet`, `renameVae`, `renameClipText`,
 * `renameOpenClipText`). EMA weights and whatever else the file holds are left out. Configs are inferred from shapes unless
 * `sources.config` gives them.
 * @throws UserError when it is another kind of file, a network is missing, or a config or tokenizer cannot be told.
 */
export async function openSingleFile(
	file: ReadableFile,
	sources: SingleFileSources = {},
): Promise<Omit<ModelFiles, "hash">> {
	const { label } = file;
	const header = await readSafetensorsHeader(file);
	const names = new Map(
		[...header.entries].map(([name, entry]) => [plainName(name), entry]),
	);
	const part = (prefix: string) => {
		const tensors = new Map<string, TensorEntry>();
		for (const [name, entry] of names)
			if (name.startsWith(prefix)) {
				const rest = name.slice(prefix.length);
				tensors.set(rest, { ...entry, name: rest, file: file.key });
			}
		return tensors;
	};
	const parts = {
		unet: part(prefixes.unet),
		vae: part(prefixes.vae),
		clip: part(prefixes.clip),
		openClip: part(prefixes.openClip),
	};
	const second = parts.openClip.size > 0;
	checkParts([...names.keys()], label, {
		UNet: [parts.unet, prefixes.unet],
		VAE: [parts.vae, prefixes.vae],
		"text encoder": [
			second ? parts.openClip : parts.clip,
			`${prefixes.clip} or ${prefixes.openClip}`,
		],
	});

	const network = async (
		folder: "unet" | "vae" | "text_encoder",
		renamed: RenamedNetwork,
	): Promise<NetworkFiles> => {
		const config = await givenConfig(sources.config, `${folder}/config.json`);
		return {
			config: config ?? renamed.inferConfig(),
			weights: {
				label: `${label} (${folder})`,
				files: new Map([[file.key, file.file]]),
				tensors:
					folder === "text_encoder"
						? withoutUnusedLayers(renamed.tensors, config)
						: renamed.tensors,
			},
		};
	};
	const unet = await network("unet", renameUnet(parts.unet, label));
	const textEncoder = await network(
		"text_encoder",
		second
			? renameOpenClipText(parts.openClip, label)
			: renameClipText(parts.clip, label),
	);
	const vae = await network("vae", renameVae(parts.vae, label));
	const schedule = await checkpointSchedule(
		file,
		header,
		second,
		modelKind(unet, vae) === "text-to-image",
	);
	const networks = {
		unet:
			second && schedule.prediction === "v_prediction" && !sources.config
				? // The 768-pixel models.
					{ ...unet, config: { ...(unet.config as object), sample_size: 96 } }
				: unet,
		text_encoder: textEncoder,
		vae,
	};
	return modelFiles({
		label,
		networks,
		tokenizers: {
			tokenizer: await findTokenizer(label, second, textEncoder, sources),
		},
		scheduler: {
			config:
				(await givenConfig(
					sources.config,
					"scheduler/scheduler_config.json",
				)) ?? checkpointSchedulerConfig(second, schedule),
		},
	});
}

/** Names without what wrappers put before them, and with a prefix that was put before itself taken off. */
function plainName(original: string): string {
	let name = original.replace(/^((module|_orig_mod)\.)+/, "");
	for (const prefix of Object.values(prefixes))
		while (name.startsWith(prefix + prefix)) name = name.slice(prefix.length);
	return name;
}

function checkParts(
	names: readonly string[],
	label: string,
	networks: Readonly<
		Record<string, readonly [ReadonlyMap<string, TensorEntry>, string]>
	>,
): void {
	const missing = Object.entries(networks).find(([, [{ size }]]) => size === 0);
	const foreign = foreignWeights(names, !missing);
	if (foreign)
		throw new UserError(`${label} is ${foreign}`, { code: "unsupported" });
	const present = Object.entries(networks).filter(([, [{ size }]]) => size > 0);
	if (present.length === 1)
		throw new UserError(
			`${label} is a ${present[0][0]} alone, not a whole model`,
			{
				code: "unsupported",
			},
		);
	if (missing)
		throw new UserError(
			`${label} has no ${missing[0]} (names that begin with ${missing[1][1]}): it is no whole Stable Diffusion 1.x or 2.x checkpoint`,
			{ code: "invalid_input" },
		);
}

async function givenConfig(
	folder: ModelFolder | undefined,
	path: string,
): Promise<unknown> {
	if (!folder) return undefined;
	if (!folder.paths.has(path))
		throw new OptionError(
			"config",
			`${folder.label}/${path} is missing: give a diffusers folder`,
		);
	return readJson(folder, path);
}

/** Text encoder layers that a given config does not count (2.x files hold one that is never run). */
function withoutUnusedLayers(
	tensors: ReadonlyMap<string, TensorEntry>,
	config: unknown,
): ReadonlyMap<string, TensorEntry> {
	const layers = (config as { num_hidden_layers?: unknown } | undefined)
		?.num_hidden_layers;
	if (typeof layers !== "number") return tensors;
	return new Map(
		[...tensors].filter(([name]) => {
			const layer = /\.encoder\.layers\.(\d+)\./.exec(name)?.[1];
			return layer === undefined || Number(layer) < layers;
		}),
	);
}

async function findTokenizer(
	label: string,
	second: boolean,
	textEncoder: NetworkFiles,
	sources: SingleFileSources,
): Promise<TokenizerFiles> {
	for (const folder of [sources.tokenizer, sources.config]) {
		for (const prefix of ["tokenizer/", ""])
			if (folder && hasTokenizer(folder, prefix))
				return readTokenizerTexts(folder, prefix);
		if (folder && folder === sources.tokenizer)
			throw new OptionError(
				"tokenizer",
				`${folder.label} has no tokenizer: vocab.json with merges.txt, or tokenizer.json, is missing`,
			);
	}
	const rows = textEncoder.weights.tensors.get(
		"text_model.embeddings.token_embedding.weight",
	)?.shape[0];
	if (rows !== clipVocabularySize)
		throw new OptionError(
			"tokenizer",
			`${label} has a vocabulary of its own (${rows} tokens, not CLIP's ${clipVocabularySize}): name its tokenizer's folder`,
		);
	for (const folder of sources.clipTokenizers ?? [])
		for (const prefix of ["tokenizer/", ""])
			if (hasTokenizer(folder, prefix)) {
				const texts = await readTokenizerTexts(folder, prefix);
				return second ? paddedWithZero(texts) : texts;
			}
	throw new OptionError(
		"tokenizer",
		`${label} has no tokenizer in it, as no checkpoint has: name a folder with CLIP's vocab.json and merges.txt`,
	);
}

/** 2.x was trained with OpenCLIP's padding, token 0 ("!"), on the same vocabulary. */
function paddedWithZero(texts: TokenizerFiles): TokenizerFiles {
	const special = {
		bos_token: "<|startoftext|>",
		eos_token: "<|endoftext|>",
		unk_token: "<|endoftext|>",
		pad_token: "!",
	};
	const config = JSON.stringify({ ...special, model_max_length: 77 });
	return "vocab" in texts
		? {
				vocab: texts.vocab,
				merges: texts.merges,
				config,
				specialTokens: JSON.stringify(special),
			}
		: { tokenizerJson: texts.tokenizerJson, config };
}
