import type * as OnnxRuntimeWeb from "onnxruntime-web";
import { UserError } from "../../errors/userError.js";
import { firstLine } from "../sessionError.js";

/** The builds of onnxruntime-web that are used; its default one computes some operators wrongly. */
export type WebRuntimeName = "wasm" | "jspi" | "webgpu";

/** What is settled when a build of onnxruntime-web is loaded, once in a page or worker. */
export interface WebRuntimeOptions {
	/** Threads of its WebAssembly; more than one needs a page that is cross-origin isolated. */
	readonly threads: number;
	/** The address of a folder with its `.mjs` and `.wasm` files. Default: where the bundler put them. */
	readonly runtimeFiles?: string;
}

/** onnxruntime-web, loaded. */
export interface WebRuntime {
	readonly name: WebRuntimeName;
	readonly version: string;
	readonly threads: number;
	readonly library: typeof OnnxRuntimeWeb;
	/** Does one thing after another: the library loads and runs one network at a time. Messages to this thread are heard before each. */
	alone<Result>(work: () => Promise<Result>): Promise<Result>;
}

const loaded = new Map<WebRuntimeName, Promise<WebRuntime>>();

/**
 * Loads a build of onnxruntime-web, unless it is loaded.
 * @throws UserError when it is not installed, or its files cannot be fetched.
 */
export function loadWebRuntime(
	name: WebRuntimeName,
	options: WebRuntimeOptions,
): Promise<WebRuntime> {
	const known = loaded.get(name);
	if (known) return known;
	const loading = load(name, options);
	loaded.set(name, loading);
	loading.catch(() => loaded.delete(name));
	return loading;
}

async function load(
	name: WebRuntimeName,
	{ threads, runtimeFiles }: WebRuntimeOptions,
): Promise<WebRuntime> {
	const library = await imported(name).catch((cause: unknown) => {
		throw new UserError(
			`onnxruntime-web cannot be loaded (${firstLine(String(cause))}); install it with "npm install onnxruntime-web", and see that your bundler keeps its chunks`,
			{ code: "not_installed", cause },
		);
	});
	const { env } = library;
	env.wasm.numThreads = threads;
	if (runtimeFiles !== undefined)
		env.wasm.wasmPaths = new URL(
			`${runtimeFiles.replace(/\/$/, "")}/`,
			location.href,
		).href;
	env.logLevel = "error";
	let last: Promise<unknown> = Promise.resolve();
	return {
		name,
		version: env.versions.common,
		threads,
		library,
		alone(work) {
			const mine = last.then(messagesHeard).then(work);
			last = mine.catch(() => undefined);
			return mine;
		},
	};
}

/** Spelled out, so that bundlers find them. */
function imported(name: WebRuntimeName): Promise<typeof OnnxRuntimeWeb> {
	if (name === "wasm") return import("onnxruntime-web/wasm");
	return name === "jspi"
		? import("onnxruntime-web/jspi")
		: import("onnxruntime-web/webgpu");
}

/**
 * Settles once messages that wait for this thread were handled. WebAssembly blocks its thread, and what is between two runs are microtasks: without it
 * a worker would hear of an abort when its picture is done.
 */
function messagesHeard(): Promise<void> {
	return new Promise((resolve) => {
		const { port1, port2 } = new MessageChannel();
		port1.onmessage = () => {
			port1.close();
			resolve();
		};
		port2.postMessage(undefined);
	});
}
