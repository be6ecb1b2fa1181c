import { OptionError } from "../errors/optionError.js";
import { encodeImage } from "../image/encodeOnCanvas.js";
import { findPlanAmong } from "../propagation/findPlanAmong.js";
import { type PlanFile, parsePlanFile } from "../propagation/planFile.js";
import type { Precision } from "../runtime/session.js";
import { cachedChecks } from "../runtime/web/checkMemory.js";
import { openWebEngine, type WebEngine } from "../runtime/web/webEngine.js";
import { hasWebGpu } from "../runtime/web/webGpu.js";
import type { ModelFiles } from "../weights/folder/modelFiles.js";
import { embeddedPlanUrls } from "../weights/web/embeddedPlans.js";
import type { WebModelSource } from "../weights/web/modelSource.js";
import {
	type OpenWebModelOptions,
	openWebModel,
} from "../weights/web/openWebModel.js";
import { checkOptions } from "./checkOptions.js";
import { MODEL_HOOKS, MODEL_OPTIONS } from "./modelOptions.js";
import { SMALL_MODEL, weightBytes } from "./networks.js";
import type { GenerateOptions } from "./options.js";
import {
	createPipeline,
	type Pipeline,
	type PipelineOptions,
} from "./pipeline.js";
import { checkWebMemory, webMemoryNeed } from "./webMemory.js";

/** What `loadPipeline` can be told in a browser. */
export interface WebLoadOptions
	extends Omit<PipelineOptions, "device" | "precision" | "loraDir">,
		Omit<OpenWebModelOptions, "check" | "headers" | "method"> {
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

/** Options that are for Node: there is no folder to look in. */
const NOT_HERE = [
	"engine",
	"tokenizer",
	"config",
	"vae",
	"controlnet",
	"loraDir",
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

/** Weights up to this many bytes are drawn with on wasm before a graphics device has compiled its programs. */
const WORTH_COMPILING = 2 ** 28;

/** Latents of a tile of large models' pictures on wasm, whose attention over more of them overflows 32 bits. */
const WASM_TILE = 32;

/**
 * Loads a text-to-image model in a browser, in a page or (better, since it computes for seconds) in a worker: from an address, a Hub id or
 * what the user picked, or the model that comes with the package. What it needs is computed from its headers before its weights
 * are fetched.
 *
 * ```ts
 * const pipeline = await loadPipeline();
 * const [{ image }] = await pipeline.generate({ prompt: "a bowl of ramen", seed: 7 });
 * ```
 * @throws OptionError when an option is wrong, or the device cannot hold the model or computes wrongly; UserError when the model cannot be
 * had, is malformed, or has parts that are not supported.
 */
export async function loadPipeline(
	model?: WebModelSource,
	options: WebLoadOptions = {},
): Promise<Pipeline> {
	checkWebOptions(model, options);
	const { device: _, precision: __, ...others } = options;
	let chosen: Chosen | undefined;
	const [files, plans] = await Promise.all([
		openWebModel(model, {
			...options,
			check: async (files) => {
				chosen ??= await chooseDevice(files, options);
			},
		}),
		model === undefined ? embeddedPlans() : [],
	]);
	chosen ??= await chooseDevice(files, options);
	const { engine, precision } = chosen;
	const large = weightBytes(Object.values(files.networks)) > SMALL_MODEL;
	const tight = engine.device === "wasm" && large;
	const pipeline = createPipeline(files, engine, {
		encodeImage,
		findPlan: findPlanAmong(plans),
		...(tight && { maxRows: 1, tile: WASM_TILE }),
		...pipelineOptions(others),
		device: engine.device,
		precision,
	});
	return tight ? inTiles(pipeline) : pipeline;
}

interface Chosen {
	readonly engine: WebEngine;
	readonly precision: Precision;
}

/** @throws OptionError when no device that may be taken holds the model. */
async function chooseDevice(
	files: Omit<ModelFiles, "hash">,
	options: WebLoadOptions,
): Promise<Chosen> {
	const { device = "auto" } = options;
	const small = weightBytes(Object.values(files.networks)) <= WORTH_COMPILING;
	if (device !== "auto") return openDevice(device, files, options, small);
	if (small || !(await hasWebGpu()))
		return openDevice("wasm", files, options, small);
	try {
		return await openDevice("webgpu", files, options, small);
	} catch (onWebGpu) {
		return openDevice("wasm", files, options, small).catch(() => {
			throw onWebGpu;
		});
	}
}

async function openDevice(
	device: "wasm" | "webgpu",
	files: Omit<ModelFiles, "hash">,
	{ precision = "auto", threads, runtimeFiles }: WebLoadOptions,
	small: boolean,
): Promise<Chosen> {
	// before the runtime is fetched, where that is enough to know
	if (device === "wasm")
		checkWebMemory(files.label, device, webMemoryNeed(files, 4), {
			memory: 2 ** 32,
		});
	const engine = await openWebEngine({
		device,
		threads,
		runtimeFiles,
		memory: cachedChecks,
	});
	const has = await engine.precisions(device);
	const wanted =
		precision === "auto"
			? !small && has.includes("float16")
				? "float16"
				: "float32"
			: precision;
	if (!has.includes(wanted))
		throw new OptionError(
			"precision",
			`${device} does not compute in ${wanted} natively here; choose ${has.join(" or ")}`,
		);
	checkWebMemory(
		files.label,
		device,
		webMemoryNeed(files, wanted === "float16" ? 2 : 4),
		engine.limits,
	);
	return { engine, precision: wanted };
}

function checkWebOptions(
	model: WebModelSource | undefined,
	{ device = "auto", ...options }: WebLoadOptions,
): void {
	for (const name of NOT_HERE)
		if ((options as Record<string, unknown>)[name] !== undefined)
			throw new OptionError(name, "it is not supported in browsers");
	if (!["auto", "wasm", "webgpu"].includes(device))
		throw new OptionError(
			"device",
			`${String(device)} is not one of auto, wasm, webgpu, which browsers have`,
		);
	checkOptions(
		MODEL_OPTIONS,
		{ ...options, ...(typeof model === "string" && { model }) },
		HOOKS,
	);
}

/** Those that `createPipeline` knows. */
function pipelineOptions({
	onNotice: _,
	runtimeFiles: __,
	hubEndpoint: ___,
	hubToken: ____,
	clipMerges: _____,
	keep: ______,
	retryDelay: _______,
	...options
}: Omit<WebLoadOptions, "device" | "precision">): PipelineOptions {
	return options;
}

/** The plans that were tuned for the model that comes with the package; none where they are not beside the bundle. */
async function embeddedPlans(): Promise<PlanFile[]> {
	const plans: PlanFile[] = [];
	for (const { href } of embeddedPlanUrls)
		try {
			const response = await fetch(href);
			plans.push(parsePlanFile(await response.text(), href));
		} catch {
			// then `auto` says that there is no plan
		}
	return plans;
}

/** A pipeline that decodes in tiles unless it is told otherwise: WebAssembly's attention overflows in larger ones. */
function inTiles(pipeline: Pipeline): Pipeline {
	const tiled = (request: GenerateOptions): GenerateOptions => ({
		tiledDecoding: true,
		...request,
	});
	return {
		...pipeline,
		settings: (request) => pipeline.settings(tiled(request)),
		stream: (request) => pipeline.stream(tiled(request)),
		generate: (request) => pipeline.generate(tiled(request)),
	};
}
