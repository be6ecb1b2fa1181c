import { engineNames } from "../runtime/engine.js";
import { devices, precisions } from "../runtime/session.js";
import { choice, flag, several, text, whole } from "./optionKinds.js";
import type { OptionEntry } from "./options.js";

/** The options of a pipeline: which model it is, and how and where its networks run. */
export const MODEL_OPTIONS = {
	model: {
		...text("dir|hub id|file", 4096),
		help: "diffusers folder, Hub id (owner/name, owner/name@revision) or .safetensors checkpoint (default: the embedded model)",
		group: "Model",
	},
	variant: {
		...text("name", 200),
		help: "weight files to take where there are several, such as fp16",
		group: "Model",
	},
	revision: {
		...text("name", 200),
		help: "branch, tag or commit of a Hub id",
		group: "Model",
	},
	tokenizer: {
		...text("dir", 4096),
		help: "tokenizer files for a single-file checkpoint (default: CLIP's own, where its text encoder has 49,408 tokens)",
		group: "Model",
	},
	config: {
		...text("dir", 4096),
		help: "diffusers folder whose configs are taken for a single-file checkpoint (default: told from the shapes of its tensors)",
		group: "Model",
	},
	vae: {
		...text("dir|hub id|file", 4096),
		help: "another autoencoder than the model's: diffusers folder, Hub id or file, also TAESD, which decodes in an eighth of the time",
		group: "Model",
	},
	controlnet: {
		...several(text("dir|hub id|file", 4096), 8),
		help: "a control net beside the model: diffusers folder, Hub id, file, or edges, which comes with the embedded model; several are added up",
		group: "Model",
	},
	dtype: {
		...choice("name", ["fp16", "fp32"]),
		help: "fp16 or plain weight files first, without insisting",
		group: "Model",
		flag: false,
	},
	engine: {
		...choice("name", ["auto", ...engineNames]),
		help: "what runs the networks; auto (default) takes openvino where it is installed, else onnxruntime",
		group: "Engine",
	},
	precision: {
		...choice("name", ["auto", ...precisions]),
		help: "what the networks compute in; auto (default) takes bfloat16 where the engine does so natively, else float32",
		group: "Engine",
	},
	loraDir: {
		...text("dir", 4096),
		help: "folder of the LoRAs that prompts name, as in <lora:NAME:0.8>",
		group: "Adapters",
	},
	device: {
		...choice("name", devices),
		help: "where the networks run, of what the engine has (default: cpu)",
		group: "Engine",
	},
	threads: {
		...whole("n", 1, 1024),
		help: "threads inside an operator (default: one a core)",
		group: "Engine",
	},
	optimization: {
		...choice("level", ["auto", "extended", "all"]),
		help: "extended loads fast, all runs faster; auto (default) takes all for runs of eight and more network evaluations",
		group: "Engine",
	},
	maxRows: {
		...whole("n", 1, 1024),
		help: "the most samples in one run of the UNet; larger batches are split (default: no limit)",
		group: "Engine",
	},
	keepResident: {
		...flag(),
		help: "keep all networks in memory (default: where the weights have at most 1 GiB; else they make room for each other)",
		group: "Engine",
	},
} as const satisfies Record<string, OptionEntry>;

/** An option of a pipeline, as the library calls it. */
export type ModelOption = keyof typeof MODEL_OPTIONS;

/** Whether something may be an opened network (`controlNetPart`). */
const hasTensors = (value: unknown) =>
	(value as { weights?: { tensors?: unknown } } | null)?.weights
		?.tensors instanceof Map;

const isFunction = (value: unknown) => typeof value === "function";
const isBoolean = (value: unknown) => typeof value === "boolean";

/** Tests of what `loadPipeline` takes beside the options of the table. */
export const MODEL_HOOKS = {
	onProgress: isFunction,
	openWeightFile: isFunction,
	encodeImage: isFunction,
	findPlan: isFunction,
	controlNets: (value: unknown) =>
		Array.isArray(value) && value.every(hasTensors),
	openAdapterFile: isFunction,
	findLora: isFunction,
	ownLoras: (value: unknown) => typeof value === "object" && value !== null,
	inHalves: isBoolean,
	keepTexts: isBoolean,
	tile: Number.isInteger,
	shareCalls: isBoolean,
	signal: (value: unknown) => value instanceof AbortSignal,
} as const;
