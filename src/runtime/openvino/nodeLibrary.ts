import type { KoffiFunc } from "koffi";
import { UserError } from "../../errors/userError.js";
import { loadKoffi } from "../nodeKoffi.js";

/**
 * The part of OpenVINO's C API that is used here (its headers are in the package `openvino` of PyPI, ov_*.h). Handles are addresses; structures
 * are written as the 64-bit words that they consist of, so that every argument but one is a pointer or a number.
 */
const signatures = [
	"const char *ov_get_last_err_msg()",
	"int ov_get_openvino_version(void *version)",
	"void ov_version_free(void *version)",
	"void ov_free(void *text)",
	"int ov_core_create(void *core)",
	"int ov_core_get_available_devices(void *core, void *devices)",
	"void ov_available_devices_free(void *devices)",
	"int ov_core_get_property(void *core, const char *device, const char *key, void *value)",
	"int ov_core_read_model_from_memory_buffer(void *core, void *model, size_t length, void *weights, void *read)",
	"int ov_model_reshape(void *model, void *names, void *shapes, size_t count)",
	"void ov_model_free(void *model)",
	"int ov_core_compile_model_props(void *core, void *model, const char *device, size_t count, void *properties, void *compiled)",
	"int ov_compiled_model_create_infer_request(void *compiled, void *request)",
	"void ov_compiled_model_free(void *compiled)",
	"int ov_tensor_get_shape(void *tensor, void *shape)",
	"int ov_tensor_data(void *tensor, void *data)",
	"void ov_tensor_free(void *tensor)",
	"int ov_shape_free(void *shape)",
	"int ov_infer_request_set_tensor(void *request, const char *name, void *tensor)",
	"int ov_infer_request_get_tensor(void *request, const char *name, void *tensor)",
	"int ov_infer_request_infer(void *request)",
	"int ov_infer_request_cancel(void *request)",
	"void ov_infer_request_free(void *request)",
] as const;

/** A handle, or another address. */
export type Pointer = bigint;

/** Memory that calls read or fill in. */
export type Memory =
	| Uint8Array
	| Float32Array
	| Int32Array
	| BigInt64Array
	| BigUint64Array;

type Argument = Pointer | number | string | Memory | object;
type Native = KoffiFunc<(...values: Argument[]) => unknown>;

/** The loaded library. */
export interface OpenVinoLibrary {
	readonly path: string;
	/** Calls a function that gives a status. @throws Error with OpenVINO's own message unless it is success. */
	call(name: string, ...values: Argument[]): void;
	/** The same in a thread of its own; what `values` point to is kept until it is done. */
	callAsync(name: string, ...values: Argument[]): Promise<void>;
	/** The handle that a call writes where its last argument points. */
	made(name: string, ...values: Argument[]): Pointer;
	madeAsync(name: string, ...values: Argument[]): Promise<Pointer>;
	/** Calls a function that frees something. */
	free(name: string, value: Pointer | Memory): void;
	/** Where memory lies. It must be referenced as long as the address is used. */
	address(memory: Memory): Pointer;
	/** What lies at an address: a text, addresses, whole numbers. */
	text(at: Pointer): string;
	addresses(at: Pointer, count: number): readonly Pointer[];
	integers(at: Pointer, count: number): readonly number[];
	/** A copy of the bytes at an address. */
	bytes(at: Pointer, length: number): ArrayBuffer;
	/** The bytes at an address themselves, as long as they are there. */
	view(at: Pointer, length: number): ArrayBuffer;
}

/**
 * Loads OpenVINO's C library.
 * @param path of `libopenvino_c`; its plugins lie beside it
 * @throws UserError when it cannot be loaded, or lacks a function.
 */
export async function loadLibrary(path: string): Promise<OpenVinoLibrary> {
	const koffi = await loadKoffi();
	const functions = new Map<string, Native>();
	try {
		const library = koffi.load(path);
		for (const signature of signatures) {
			const name = /\*?(\w+)\(/.exec(signature)?.[1] ?? "";
			functions.set(name, library.func(signature) as Native);
		}
		// the one that takes a structure by value
		const shape = koffi.struct({ rank: "int64", dims: "void *" });
		const fromHost = "ov_tensor_create_from_host_ptr";
		const values = ["int", shape, "void *", "void *"];
		functions.set(fromHost, library.func(fromHost, "int", values) as Native);
	} catch (cause) {
		const reason = cause instanceof Error ? cause.message : String(cause);
		throw new UserError(
			`${path} cannot be used (${reason.split("\n", 1)[0]}); "engines install openvino" installs a version that is known to work`,
			{ code: "unsupported", cause },
		);
	}
	const native = (name: string): Native => {
		const found = functions.get(name);
		if (!found) throw new TypeError(`${name} is not declared`);
		return found;
	};
	const check = (status: unknown) => {
		if (status === 0) return;
		const message = native("ov_get_last_err_msg")();
		throw new Error(mainLine(String(message ?? `status ${status}`)));
	};
	const api: OpenVinoLibrary = {
		path,
		call: (name, ...values) => check(native(name)(...values)),
		callAsync: (name, ...values) =>
			new Promise((resolve, reject) => {
				native(name).async(...values, (error: unknown, status: unknown) => {
					try {
						if (error) throw error;
						check(status);
						resolve();
					} catch (cause) {
						reject(cause);
					}
				});
			}),
		made(name, ...values) {
			const made = new BigUint64Array(1);
			api.call(name, ...values, made);
			return made[0];
		},
		async madeAsync(name, ...values) {
			const made = new BigUint64Array(1);
			await api.callAsync(name, ...values, made);
			return made[0];
		},
		free: (name, value) => void native(name)(value),
		address: (memory) => koffi.address(memory),
		text: (at) => koffi.decode.string(at),
		addresses: (at, count) => [...new BigUint64Array(api.bytes(at, 8 * count))],
		integers: (at, count) => api.addresses(at, count).map(Number),
		bytes: (at, length) => api.view(at, length).slice(0),
		view: (at, length) => koffi.view(at, length),
	};
	return api;
}

/** The line that tells what happened, of a message that also tells where in OpenVINO's source it did. */
export function mainLine(message: string): string {
	const lines = message
		.split("\n")
		.map((line) => line.trim())
		.filter((line) => line !== "");
	return (
		lines.find(
			(line) => !/^(Exception from|Check '.*' failed at)/.test(line),
		) ??
		lines.at(-1) ??
		"it gave no reason"
	);
}
