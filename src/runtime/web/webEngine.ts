import { OptionError } from "../../errors/optionError.js";
import { UserError } from "../../errors/userError.js";
import { defaultFlavour, type GraphFlavour } from "../../graph/graphFlavour.js";
import type { Engine } from "../engine.js";
import type { Device, Precision, SessionOptions } from "../session.js";
import { hasWebGpu, openWebGpu, type WebGpu } from "./webGpu.js";
import { loadWebRuntime, type WebRuntime } from "./webRuntime.js";
import { webSession } from "./webSession.js";

/** What the engine of a browser is told. */
export interface WebEngineOptions {
	readonly device: "wasm" | "webgpu";
	/** Threads of wasm; one where the page is not cross-origin isolated. Default: one a core, at most 8. */
	readonly threads?: number;
	/** See `WebRuntimeOptions`. */
	readonly runtimeFiles?: string;
	/** Remembers what a device passed with. Default: it is checked each time. */
	readonly memory?: CheckMemory;
}

/** Where it is kept how a device computes right. */
export interface CheckMemory {
	recall(key: string): Promise<string | undefined>;
	remember(key: string, value: string): Promise<void>;
}

/** An engine of a browser, with what is known of its device. */
export interface WebEngine extends Engine {
	readonly device: "wasm" | "webgpu";
	/** The most bytes of one tensor, and of all of them; undefined where the browser does not tell. */
	readonly limits: { readonly tensor?: number; readonly memory?: number };
	/** How many threads it computes with. */
	readonly threads: number;
	/** What was avoided because this device computes it wrongly. */
	readonly avoided: readonly string[];
}

/** Raised when the layers that are checked, or their tolerances, change. */
const CHECK_VERSION = 2;

const MOST_THREADS = 8;

/** WebAssembly's memory has addresses of 32 bits. */
const WASM_MEMORY = 2 ** 32;

/** A way of using a device: how graphs are written, and whether lanes may exchange values. */
interface Way {
	readonly name: string;
	readonly avoids?: string;
	readonly subgroups: boolean;
	readonly attention: GraphFlavour["attention"];
}

/** The fastest first. */
const GPU_WAYS: readonly Way[] = [
	{ name: "plain", subgroups: true, attention: "fused" },
	{
		name: "no subgroups",
		avoids: "subgroups",
		subgroups: false,
		attention: "fused",
	},
	{
		name: "attention in parts",
		avoids: "subgroups and the fused attention",
		subgroups: false,
		attention: "plain",
	},
];

/**
 * onnxruntime-web on a device that computes right: it is checked the first time, and what it computes wrongly is avoided.
 * @throws OptionError when there is no such device or it computes wrongly; UserError when the library cannot be loaded.
 */
export async function openWebEngine(
	options: WebEngineOptions,
): Promise<WebEngine> {
	return options.device === "wasm" ? wasmEngine(options) : gpuEngine(options);
}

async function wasmEngine(options: WebEngineOptions): Promise<WebEngine> {
	const threads = threadsOf(options);
	const runtime = await loadWebRuntime("wasm", { ...options, threads });
	const engine = engineOf(runtime, "wasm", {
		...defaultFlavour,
		convolution: "winograd",
	});
	const wrong = await checked(engine, options, `wasm ${navigator.userAgent}`, {
		name: "plain",
	});
	if (wrong !== undefined)
		throw new UserError(
			`this browser's WebAssembly computes ${wrong} wrongly: update the browser`,
			{ code: "unsupported" },
		);
	return engine;
}

async function gpuEngine(options: WebEngineOptions): Promise<WebEngine> {
	const name = "Suspending" in WebAssembly ? "jspi" : "webgpu";
	const reasons: string[] = [];
	let gpu = await openWebGpu({ subgroups: true });
	const ways = GPU_WAYS.filter(
		// without subgroups there is nothing to be left out
		(way) => way.subgroups || gpu.subgroups || way.attention === "plain",
	);
	for (const way of ways) {
		if (gpu.subgroups && !way.subgroups)
			gpu = await openWebGpu({ subgroups: false });
		const runtime = await loadWebRuntime(name, { ...options, threads: 1 });
		const engine = engineOf(
			runtime,
			gpu,
			{
				...defaultFlavour,
				attention: way.attention,
				linearWeights: "transposed",
				sinusoids: "input",
			},
			way.avoids,
		);
		const wrong = await checked(engine, options, `webgpu ${gpu.key}`, way);
		if (wrong === undefined) return engine;
		reasons.push(wrong);
	}
	throw new OptionError(
		"device",
		`this graphics device (${gpu.label}) computes ${reasons.at(-1)} wrongly: choose wasm, or update its driver or the browser`,
	);
}

/** What the engine computes wrongly; undefined where it computes right, or did when it was last checked. */
async function checked(
	engine: WebEngine,
	{ memory }: WebEngineOptions,
	device: string,
	{ name }: Pick<Way, "name">,
): Promise<string | undefined> {
	const key = `${CHECK_VERSION} ${engine.version} ${device} ${name}`;
	const known = await memory?.recall(key);
	if (known !== undefined) return known || undefined;
	// once in the life of a device: not for every visitor to fetch
	const { checkedParts, selfCheck, wrongLayers } = await import(
		"../selfCheck/selfCheck.js"
	);
	let wrong = "";
	for (const precision of await engine.precisions(engine.device))
		for (const part of checkedParts) {
			const options = { device: engine.device, precision };
			wrong ||= wrongLayers(await selfCheck(engine, part, options));
		}
	await memory?.remember(key, wrong);
	return wrong || undefined;
}

function engineOf(
	runtime: WebRuntime,
	on: "wasm" | WebGpu,
	flavour: GraphFlavour,
	avoids?: string,
): WebEngine {
	const device = on === "wasm" ? "wasm" : "webgpu";
	const precisions: readonly Precision[] =
		on !== "wasm" && on.computesFloat16 ? ["float32", "float16"] : ["float32"];
	return {
		name: "onnxruntime-web",
		version: runtime.version,
		device,
		threads: runtime.threads,
		avoided: avoids ? [avoids] : [],
		limits:
			on === "wasm" ? { memory: WASM_MEMORY } : { tensor: on.largestTensor },
		devices: async () => [
			device,
			...((await hasWebGpu()) && on === "wasm" ? (["webgpu"] as const) : []),
			...(on === "wasm" ? [] : (["wasm"] as const)),
		],
		precisions: async (asked: Device) =>
			asked === device ? precisions : ["float32"],
		flavour: ({ precision = "float32" }: SessionOptions = {}) => ({
			...flavour,
			compute: precision === "float16" ? "float16" : "float32",
		}),
		gainsFromBatches: () => device === "webgpu",
		async createSession(graph, options = {}) {
			const { device: asked = device, precision = "float32" } = options;
			if (asked !== device)
				throw new OptionError(
					"device",
					`this engine was opened for ${device}, not for ${asked}`,
				);
			if (!precisions.includes(precision))
				throw new OptionError(
					"precision",
					`${device} computes in ${precisions.join(" or ")} here, not in ${precision}`,
				);
			return webSession(
				runtime,
				on === "wasm" ? "wasm" : on.device,
				graph,
				options,
			);
		},
	};
}

function threadsOf({ threads }: WebEngineOptions): number {
	if (!crossOriginIsolated) return 1;
	return threads ?? Math.min(MOST_THREADS, navigator.hardwareConcurrency || 1);
}
