import { ofOption } from "../errors/ofOption.js";
import type { GraphFlavour } from "../graph/graphFlavour.js";
import { encodeImage } from "../image/encodeOnCanvas.js";
import { findPlanAmong } from "../propagation/findPlanAmong.js";
import { type PlanFile, parsePlanFile } from "../propagation/planFile.js";
import type { WebEngine } from "../runtime/web/webEngine.js";
import type { ModelFiles } from "../weights/folder/modelFiles.js";
import { embeddedLoras } from "../weights/web/embeddedLoras.js";
import { embeddedPlanUrls } from "../weights/web/embeddedPlans.js";
import type { WebModelSource } from "../weights/web/modelSource.js";
import { openWebModel } from "../weights/web/openWebModel.js";
import { type ChosenDevice, chooseWebDevice } from "./chooseWebDevice.js";
import { SMALL_MODEL, weightBytes } from "./networkBytes.js";
import type { GenerateOptions } from "./options.js";
import { createPipeline, type Pipeline } from "./pipeline.js";
import {
	checkWebOptions,
	pipelineOptions,
	type WebLoadOptions,
} from "./webOptions.js";
import type { OpenedParts } from "./webParts.js";

/** Weights up to this many bytes have room for convolutions that take more memory. */
const ROOM_FOR_FILTERS = 2 ** 28;

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
	let chosen: ChosenDevice | undefined;
	const [own, plans, findLora] = await Promise.all([
		openWebModel(model, {
			...options,
			check: async (files) => {
				chosen ??= await chooseWebDevice(await wholeOf(files), options);
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
	chosen ??= await chooseWebDevice(await wholeOf(own), options);
	const { files, controlNets } = parts
		? await (await parts.fetch()).beside(own)
		: { files: own, controlNets: [] };
	const { engine, precision } = chosen;
	tellOfThreads(engine, options);
	const all = [...Object.values(files.networks), ...controlNets];
	const bytes = weightBytes(all);
	const large = bytes > SMALL_MODEL;
	const tight = large && engine.device === "wasm";
	const written = withFlavour(engine, {
		...(bytes > ROOM_FOR_FILTERS && { convolution: "direct" }),
		// WebAssembly counts the work of attention in 32 bits
		...(tight && { attention: "sliced" }),
	});
	const pipeline = createPipeline(files, written, {
		encodeImage,
		findPlan: findPlanAmong(plans),
		controlNets,
		openAdapterFile: async (path, signal) =>
			(await import("../weights/web/webAdapterFile.js")).openWebAdapterFile(
				path,
				{ ...options, revision: undefined, signal },
			),
		...(model === undefined && { ownLoras }),
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

/** The LoRAs that come with the embedded model have their names as paths. */
const ownLoras = Object.fromEntries(
	Object.keys(embeddedLoras).map((name) => [name, name]),
);

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

/** An engine that is given graphs of another flavour than it asks for. */
function withFlavour(
	engine: WebEngine,
	change: Partial<GraphFlavour>,
): WebEngine {
	return {
		...engine,
		flavour: (options) => ({ ...engine.flavour(options), ...change }),
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
