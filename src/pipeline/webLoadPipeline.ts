import { ofOption } from "../errors/ofOption.js";
import { OptionError } from "../errors/optionError.js";
import { shown } from "../errors/shown.js";
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
import type { OpenedParts, WebPartOptions, WholeModel } from "./webParts.js";

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
	const { loraDir } = options;
	const parts = await openedParts(options);
	const wholeOf = async (files: Omit<ModelFiles, "hash">) =>
		parts ? parts.beside(files) : { files, controlNets: [] };
	let chosen: Chosen | undefined;
	const [own, plans, findLora] = await Promise.all([
		openWebModel(model, {
			...options,
			check: async (files) => {
				chosen ??= await chooseDevice(await wholeOf(files), options);
			},
		}),
		model === undefined ? embeddedPlans() : [],
		loraDir &&
			ofOption("loraDir", async () =>
				(await import("../weights/web/webAdapterFile.js")).webLoraFinder(
					loraDir,
				),
			),
	]);
	chosen ??= await chooseDevice(await wholeOf(own), options);
	const { files, controlNets } = parts
		? await (await parts.fetch()).beside(own)
		: { files: own, controlNets: [] };
	const { engine, precision } = chosen;
	tellOfThreads(engine, options);
	const all = [...Object.values(files.networks), ...controlNets];
	const large = weightBytes(all) > SMALL_MODEL;
	const tight = large && engine.device === "wasm";
	const pipeline = createPipeline(files, tight ? sliced(engine) : engine, {
		encodeImage,
		findPlan: findPlanAmong(plans),
		controlNets,
		openAdapterFile: async (path, signal) =>
			(await import("../weights/web/webAdapterFile.js")).openWebAdapterFile(
				path,
				{ ...options, revision: undefined, signal },
			),
		...(findLora && { findLora }),
		// a network passes through WebAssembly's memory on its way to a graphics device, with all that is folded in it
		inHalves: large,
		...(tight && { maxRows: 1, tile: WASM_TILE }),
		...pipelineOptions(options),
		...(parts?.vae !== undefined && { vae: parts.vae }),
		device: engine.device,
		precision,
	});
	return tight ? inTiles(pipeline) : pipeline;
}

/** Without isolation there is no memory that threads share. */
function tellOfThreads(
	{ device, threads }: WebEngine,
	{ threads: asked = navigator.hardwareConcurrency, onNotice }: WebLoadOptions,
): void {
	if (device === "wasm" && threads === 1 && asked > 1)
		onNotice?.(
			"this page is not cross-origin isolated, so that WebAssembly computes with one thread: for more its server must send Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp",
		);
}

/** What stands beside the model; what opens it is fetched where there is something. */
async function openedParts({
	vae,
	controlnet,
	variant,
	...options
}: WebLoadOptions): Promise<OpenedParts | undefined> {
	if (vae === undefined && controlnet === undefined) return undefined;
	const { openParts } = await import("./webParts.js");
	return openParts({ ...options, vae, controlnet }, variant);
}

type DrawnModel = WholeModel<Omit<ModelFiles, "hash">>;

interface Chosen {
	readonly engine: WebEngine;
	readonly precision: Precision;
}

/** @throws OptionError when no device that may be taken holds the model. */
async function chooseDevice(
	whole: DrawnModel,
	options: WebLoadOptions,
): Promise<Chosen> {
	const { device = "auto" } = options;
	const { networks } = whole.files;
	const small = weightBytes(Object.values(networks)) <= WORTH_COMPILING;
	if (device !== "auto") return openDevice(device, whole, options, small);
	if (small || !(await hasWebGpu()))
		return openDevice("wasm", whole, options, small);
	try {
		return await openDevice("webgpu", whole, options, small);
	} catch (onWebGpu) {
		return openDevice("wasm", whole, options, small).catch(() => {
			throw onWebGpu;
		});
	}
}

async function openDevice(
	device: "wasm" | "webgpu",
	{ files, controlNets }: DrawnModel,
	{ precision = "auto", threads, runtimeFiles }: WebLoadOptions,
	small: boolean,
): Promise<Chosen> {
	// before the runtime is fetched, where that is enough to know
	if (device === "wasm")
		checkWebMemory(files.label, device, webMemoryNeed(files, 4, controlNets), {
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
		webMemoryNeed(files, wanted === "float16" ? 2 : 4, controlNets),
		engine.limits,
	);
	return { engine, precision: wanted };
}

function checkWebOptions(
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

/** Those that `createPipeline` knows, and that are not made here. */
function pipelineOptions({
	threads,
	optimization,
	maxRows,
	keepResident,
	inHalves,
	tile,
	...options
}: WebLoadOptions): PipelineOptions {
	const given = {
		threads,
		optimization,
		maxRows,
		keepResident,
		inHalves,
		tile,
		encodeImage: options.encodeImage,
		findPlan: options.findPlan,
		findLora: options.findLora,
		openAdapterFile: options.openAdapterFile,
		openWeightFile: options.openWeightFile,
		controlNets: options.controlNets,
	};
	return Object.fromEntries(
		Object.entries(given).filter(([, value]) => value !== undefined),
	);
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

/** An engine whose attention over many tokens is computed in parts, since WebAssembly counts its work in 32 bits. */
function sliced(engine: WebEngine): WebEngine {
	return {
		...engine,
		flavour: (options) => ({
			...engine.flavour(options),
			attention: "sliced",
		}),
	};
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
