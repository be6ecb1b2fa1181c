import { OptionError } from "../errors/optionError.js";
import type { Precision } from "../runtime/session.js";
import { cachedChecks } from "../runtime/web/checkMemory.js";
import { openWebEngine, type WebEngine } from "../runtime/web/webEngine.js";
import { hasWebGpu } from "../runtime/web/webGpu.js";
import type { ModelFiles } from "../weights/folder/modelFiles.js";
import { weightBytes } from "./networkBytes.js";
import { checkWebMemory, webMemoryNeed } from "./webMemory.js";
import type { WebLoadOptions } from "./webOptions.js";
import type { WholeModel } from "./webParts.js";

/** Weights up to this many bytes are drawn with on wasm before a graphics device has compiled its programs. */
const WORTH_COMPILING = 2 ** 28;

type DrawnModel = WholeModel<Omit<ModelFiles, "hash">>;

/** A device that holds a model, and what its networks compute in there. */
export interface ChosenDevice {
	readonly engine: WebEngine;
	readonly precision: Precision;
}

/**
 * The device that a model is drawn on.
 * @throws OptionError when no device that may be taken holds the model, or it computes wrongly.
 */
export async function chooseWebDevice(
	whole: DrawnModel,
	options: WebLoadOptions,
): Promise<ChosenDevice> {
	const { device = "auto" } = options;
	const { networks } = whole.files;
	const small = weightBytes(Object.values(networks)) <= WORTH_COMPILING;
	if (device !== "auto") return openDevice(device, whole, options, small);
	if (small) return openDevice("wasm", whole, options, small);
	let refusal: Error | undefined;
	if (await hasWebGpu())
		try {
			return await openDevice("webgpu", whole, options, small);
		} catch (error) {
			refusal = error as Error;
		}
	const chosen = await openDevice("wasm", whole, options, small).catch(
		(error: unknown) => {
			throw refusal ?? error;
		},
	);
	const why = refusal?.message ?? "this browser has no WebGPU here";
	options.onNotice?.(
		`${whole.files.label} is drawn on the processor (wasm), which takes long: ${why}`,
	);
	return chosen;
}

async function openDevice(
	device: "wasm" | "webgpu",
	{ files, controlNets }: DrawnModel,
	{ precision = "auto", threads, runtimeFiles }: WebLoadOptions,
	small: boolean,
): Promise<ChosenDevice> {
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
