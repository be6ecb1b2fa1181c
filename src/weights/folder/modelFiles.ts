import { UserError } from "../../errors/userError.js";
import type { TokenizerFiles } from "../../tokenizer/loadTokenizer.js";
import type { DType, Weights } from "../formats/weights.js";
import { type ModelKind, modelKind } from "./modelKind.js";
import {
	currentSchedulerConfig,
	currentUnetConfig,
} from "./outdatedConfigs.js";

/** One network: its config.json (parsed, not yet validated: `src/models/` does that) and its weights. */
export interface NetworkFiles {
	readonly config: unknown;
	readonly weights: Weights;
}

/** What every Stable Diffusion model has, and whatever other networks its kind has. */
export type NamedNetworks = Readonly<
	Record<"unet" | "vae" | "text_encoder", NetworkFiles> &
		Record<string, NetworkFiles>
>;

export type NamedTokenizers = Readonly<
	Record<"tokenizer", TokenizerFiles> & Record<string, TokenizerFiles>
>;

/** The files of a Stable Diffusion model, from wherever it came: a diffusers folder, the Hub, or a single checkpoint. */
export interface ModelFiles {
	/** What the user called it (folder, Hub id or file), for messages. */
	readonly label: string;
	/** See `modelHash`: 10 hexadecimal digits that tell models apart, for PNG texts and key-step plans. */
	readonly hash: string;
	/** The folder on disk that it is or lies in (of a Hub model its snapshot in the cache). */
	readonly folder?: string;
	readonly kind: ModelKind;
	/** By the names that diffusers gives their folders. */
	readonly networks: NamedNetworks;
	/** Not yet parsed; by the names of their folders too. */
	readonly tokenizers: NamedTokenizers;
	readonly scheduler: { readonly config: unknown };
	/** generation_config.json, not yet validated, where the folder has one (see `modelDefaults`). */
	readonly generationConfig?: unknown;
	/** latent_colours.json, not yet validated, where the folder has one (see `latentColours`). */
	readonly latentColours?: unknown;
}

/** The files of a model with its kind, and with configs of old conversions as diffusers takes them. */
export function modelFiles(
	files: Omit<ModelFiles, "hash" | "kind">,
): Omit<ModelFiles, "hash"> {
	const { unet, vae } = files.networks;
	for (const { weights } of Object.values(files.networks)) checkTypes(weights);
	return {
		...files,
		kind: modelKind(unet, vae),
		networks: {
			...files.networks,
			unet: { ...unet, config: currentUnetConfig(unet.config) },
		},
		scheduler: { config: currentSchedulerConfig(files.scheduler.config) },
	};
}

const floatTypes: readonly DType[] = ["F32", "F16", "BF16", "F64"];

/** @throws UserError when a layer's weight is stored in a type that no graph computes with (fp8, int8, 4 bits). */
function checkTypes({ label, tensors }: Weights): void {
	for (const { name, dtype } of tensors.values())
		if (name.endsWith(".weight") && !floatTypes.includes(dtype))
			throw new UserError(
				`${label} is quantised: ${name} is stored as ${dtype}; only ${floatTypes.join(", ")} can be used here, take the fp16 or fp32 file of the model`,
				{ code: "unsupported" },
			);
}

/** Options of `openModel` (nodeOpenModel.ts). */
export interface OpenModelOptions {
	/** Weight files to take where a folder or Hub repository has several ("fp16"); an error where none are called so. */
	readonly variant?: string;
	/** Prefers fp16 or plain files, without insisting. */
	readonly dtype?: "fp16" | "fp32";
	/** Branch, tag or commit of a Hub id (`ID@REVISION` says the same). */
	readonly revision?: string;
	/** Single-file checkpoints: a folder with the tokenizer's files (or with a `tokenizer/` folder). */
	readonly tokenizer?: string;
	/** Single-file checkpoints: a diffusers folder whose configs (and tokenizer) are taken instead of being inferred. */
	readonly config?: string;
	/** Another autoencoder than the model's: a diffusers folder of it or of a model, a Hub id or a file. */
	readonly vae?: string;
	/** Control nets beside the model: diffusers folders, Hub ids or files. */
	readonly controlnet?: string | readonly string[];
	/** Called while files come from the Hub. */
	readonly onProgress?: (progress: DownloadProgress) => void;
	readonly signal?: AbortSignal;
}

/** How far a download is, in bytes; `total` counts all the files of the model. */
export interface DownloadProgress {
	/** Path in the repository of the file that is being fetched. */
	readonly file: string;
	readonly fileReceived: number;
	readonly fileTotal: number;
	readonly received: number;
	readonly total: number;
}
