import { OptionError } from "../errors/optionError.js";
import { shown } from "../errors/shown.js";
import type { Precision } from "../runtime/session.js";
import type { WebModelSource } from "../weights/web/modelSource.js";
import type { OpenWebModelOptions } from "../weights/web/openWebModel.js";
import { checkOptions } from "./checkOptions.js";
import { MODEL_HOOKS, MODEL_OPTIONS } from "./modelOptions.js";
import type { PipelineOptions } from "./pipeline.js";
import type { WebPartOptions } from "./webParts.js";

/** What `loadPipeline` can be told in a browser. */
export interface WebLoadOptions
	extends Omit<PipelineOptions, "device" | "precision" | "loraDir" | "vae">,
		Omit<OpenWebModelOptions, "check" | "headers" | "method">,
		WebPartOptions {
	/** The LoRAs that prompts name, as in `<lora:NAME:0.8>`: the address of their folder, or files that the user picked. */
	readonly loraDir?: WebModelSource;
	/**
	 * Where the networks run. `auto` (default): `wasm` for small models, which are drawn with before a graphics device has its programs; for
	 * others `webgpu` where there is one that holds them, else `wasm`.
	 */
	readonly device?: "auto" | "wasm" | "webgpu";
	/** `auto` (default): float16 for large models on graphics devices that have it, else float32. */
	readonly precision?: "auto" | Precision;
	/** The address of a folder with onnxruntime-web's `.mjs` and `.wasm` files. Default: where the bundler put them. */
	readonly runtimeFiles?: string;
}

/** Options that are text elsewhere, and here also what the user picked. */
const SOURCES = [
	"vae",
	"controlnet",
	"loraDir",
	"tokenizer",
	"config",
] as const;

const isText = (value: unknown) => typeof value === "string";
const isFunction = (value: unknown) => typeof value === "function";
const HOOKS = {
	...MODEL_HOOKS,
	onNotice: isFunction,
	runtimeFiles: isText,
	hubEndpoint: isText,
	hubToken: isText,
	clipMerges: isText,
	keep: (value: unknown) => typeof value === "boolean",
	retryDelay: (value: unknown) => typeof value === "number",
};

/** @throws OptionError when an option is none, or its value is wrong */
export function checkWebOptions(
	model: WebModelSource | undefined,
	{
		device = "auto",
		engine = "auto",
		...options
	}: WebLoadOptions & {
		readonly engine?: unknown;
	},
): void {
	if (engine !== "auto")
		throw new OptionError(
			"engine",
			"browsers compute with onnxruntime-web alone: leave it out",
		);
	if (!["auto", "wasm", "webgpu"].includes(device))
		throw new OptionError(
			"device",
			`${String(device)} is not one of auto, wasm, webgpu, which browsers have`,
		);
	const texts: Record<string, unknown> = { ...options };
	for (const name of SOURCES) {
		const given = [options[name] ?? []].flat();
		const words = given.filter((one) => typeof one === "string");
		const wrong = given.find(
			(one) => typeof one !== "string" && !isPicked(one),
		);
		if (wrong !== undefined)
			throw new OptionError(
				name,
				`${shown(wrong)} is neither an address, a Hub id, nor what the user picked`,
			);
		texts[name] = name === "controlnet" && words.length > 0 ? words : words[0];
	}
	checkOptions(
		MODEL_OPTIONS,
		{ ...texts, ...(typeof model === "string" && { model }) },
		HOOKS,
	);
}

/** A file, or a handle of one or of a folder. */
function isPicked(value: unknown): boolean {
	return (
		value instanceof File ||
		value instanceof Map ||
		["file", "directory"].includes(
			(value as { kind?: string } | null)?.kind ?? "",
		)
	);
}

/** Options that `createPipeline` knows, and that are not made by `loadPipeline`. */
const PASSED_ON = [
	"threads",
	"optimization",
	"maxRows",
	"keepResident",
	"shareCalls",
	"inHalves",
	"tile",
	"encodeImage",
	"findPlan",
	"findLora",
	"ownLoras",
	"openAdapterFile",
	"openWeightFile",
	"controlNets",
] as const;

/** Those of them that are given. */
export function pipelineOptions(options: WebLoadOptions): PipelineOptions {
	return Object.fromEntries(
		PASSED_ON.flatMap((name) =>
			options[name] === undefined ? [] : [[name, options[name]]],
		),
	);
}
