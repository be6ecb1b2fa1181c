import { UserError } from "../../errors/userError.js";
import type { TokenizerFiles } from "../../tokenizer/loadTokenizer.js";
import { hasTokenizer, readTokenizerTexts } from "../folder/diffusersFolder.js";
import {
	type ModelFiles,
	modelFiles,
	type NetworkFiles,
} from "../folder/modelFiles.js";
import { type ModelFolder, readJson } from "../formats/modelFolder.js";
import type { SafetensorsHeader } from "../formats/safetensorsHeader.js";
import {
	type ReadableFile,
	readSafetensorsHeader,
} from "../formats/weightFile.js";
import type { TensorEntry } from "../formats/weights.js";
import { renameClipText, renameOpenClipText } from "./checkpointText.js";
import { type RenamedNetwork, renameUnet } from "./checkpointUnet.js";
import { renameVae } from "./checkpointVae.js";

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
 *
 * Whether a 2.x model predicts noise or v no shape tells; as diffusers does (single_file_utils.py), v is taken unless the
 * file's `global_step` is 875000 (2-base); the metadata `modelspec.prediction_type`, where a file has it, goes first.
 * @throws UserError when it is another kind of file, a network is missing, or a config or tokenizer cannot be told.
 */
export async function openSingleFile(
	file: ReadableFile,
	sources: SingleFileSources = {},
): Promise<Omit<ModelFiles, "hash">> {
	const { label } = file;
	const header = await readSafetensorsHeader(file);
	const part = (prefix: string) => {
		const tensors = new Map<string, TensorEntry>();
		for (const [name, entry] of header.entries)
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
	checkParts(header, label, {
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
	const prediction = await predictionType(file, header, second);
	const networks = {
		unet:
			second && prediction === "v_prediction" && !sources.config
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
				)) ?? schedulerConfig(second, prediction),
		},
	});
}

function checkParts(
	header: SafetensorsHeader,
	label: string,
	networks: Readonly<
		Record<string, readonly [ReadonlyMap<string, TensorEntry>, string]>
	>,
): void {
	const names = [...header.entries.keys()];
	const has = (pattern: RegExp) => names.some((name) => pattern.test(name));
	const refuse = (reason: string): never => {
		throw new UserError(`${label} ${reason}`);
	};
	if (has(/^conditioner\.embedders\./))
		refuse(
			"is an SDXL checkpoint: only Stable Diffusion 1.x and 2.x are supported",
		);
	if (
		has(/(^|\.)(joint_blocks|double_blocks|transformer_blocks\.0\.attn\.add_)/)
	)
		refuse(
			"is a checkpoint of a diffusion transformer (SD3, FLUX, …): only Stable Diffusion 1.x and 2.x are supported",
		);
	if (has(/(^lora_|\.lora_(up|down|A|B)\.|\.hada_)/))
		refuse("is a LoRA, not a whole model");
	if (has(/^(down_blocks|encoder\.down_blocks|text_model)\./))
		refuse(
			"is one network in diffusers' naming, not a whole model: give the diffusers folder it belongs to",
		);
	for (const [network, [tensors, prefix]] of Object.entries(networks))
		if (tensors.size === 0)
			refuse(
				`has no ${network} (names that begin with ${prefix}): it is no whole Stable Diffusion 1.x or 2.x checkpoint`,
			);
}

async function givenConfig(
	folder: ModelFolder | undefined,
	path: string,
): Promise<unknown> {
	if (!folder) return undefined;
	if (!folder.paths.has(path))
		throw new UserError(
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

async function predictionType(
	file: ReadableFile,
	header: SafetensorsHeader,
	second: boolean,
): Promise<"epsilon" | "v_prediction"> {
	const stated = header.metadata.get("modelspec.prediction_type");
	if (stated === "epsilon") return "epsilon";
	if (stated === "v" || stated === "v_prediction") return "v_prediction";
	if (!second) return "epsilon";
	const step = header.entries.get("global_step");
	if (!step || step.length < 4 || step.length > 8) return "v_prediction";
	const bytes = await file.read(step.offset, step.length);
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
	const read: Readonly<Record<string, () => number>> = {
		I64: () => Number(view.getBigInt64(0, true)),
		I32: () => view.getInt32(0, true),
		F32: () => view.getFloat32(0, true),
	};
	return read[step.dtype]?.() === 875_000 ? "epsilon" : "v_prediction";
}

/** The scheduler_config.json of the published models: PNDM for 1.x, DDIM for 2.x. */
function schedulerConfig(
	second: boolean,
	prediction: "epsilon" | "v_prediction",
): Readonly<Record<string, unknown>> {
	return {
		_class_name: second ? "DDIMScheduler" : "PNDMScheduler",
		beta_end: 0.012,
		beta_schedule: "scaled_linear",
		beta_start: 0.00085,
		clip_sample: false,
		num_train_timesteps: 1000,
		set_alpha_to_one: false,
		skip_prk_steps: true,
		steps_offset: 1,
		trained_betas: null,
		...(second || prediction !== "epsilon"
			? { prediction_type: prediction }
			: {}),
	};
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
			throw new UserError(
				`${folder.label} has no tokenizer: vocab.json with merges.txt, or tokenizer.json, is missing`,
			);
	}
	const rows = textEncoder.weights.tensors.get(
		"text_model.embeddings.token_embedding.weight",
	)?.shape[0];
	if (rows !== clipVocabularySize)
		throw new UserError(
			`${label} has a vocabulary of its own (${rows} tokens, not CLIP's ${clipVocabularySize}): give its tokenizer's folder with --tokenizer`,
		);
	for (const folder of sources.clipTokenizers ?? [])
		for (const prefix of ["tokenizer/", ""])
			if (hasTokenizer(folder, prefix)) {
				const texts = await readTokenizerTexts(folder, prefix);
				return second ? paddedWithZero(texts) : texts;
			}
	throw new UserError(
		`${label} has no tokenizer in it, as no checkpoint has: give a folder with CLIP's vocab.json and merges.txt (--tokenizer DIR)`,
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
