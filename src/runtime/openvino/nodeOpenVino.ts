import { OptionError } from "../../errors/optionError.js";
import { UserError } from "../../errors/userError.js";
import { defaultFlavour } from "../../graph/graphFlavour.js";
import type { Engine } from "../engine.js";
import type { Device, Precision } from "../session.js";
import { findLibrary } from "./nodeFindLibrary.js";
import {
	loadLibrary,
	type OpenVinoLibrary,
	type Pointer,
} from "./nodeLibrary.js";
import { openVinoSession } from "./nodeOpenVinoSession.js";

/** OpenVINO, found on this machine. */
export interface OpenVino extends Engine {
	/** Of its C library. */
	readonly path: string;
}

let opened: { path: string; engine: Promise<OpenVino> } | undefined;

/**
 * OpenVINO, loaded once for the process. Undefined where it is not installed.
 * @throws UserError when it is there and cannot be used.
 */
export async function openVino(): Promise<OpenVino | undefined> {
	const path = await findLibrary();
	if (!path) return undefined;
	if (opened?.path !== path) opened = { path, engine: openEngine(path) };
	return opened.engine;
}

async function openEngine(path: string): Promise<OpenVino> {
	const library = await loadLibrary(path);
	let core: Pointer;
	try {
		core = library.made("ov_core_create");
	} catch (cause) {
		throw unusable(path, cause);
	}
	const names = deviceNames(library, core, path);
	/** @throws OptionError with the devices there are, when it is not one of them. */
	const nameOf = (device: Device): string => {
		const name = names.get(device);
		if (name === undefined)
			throw new OptionError(
				"device",
				`OpenVINO has no device ${device} here; choose one of ${[...names.keys()].join(", ")}`,
			);
		return name;
	};
	const precisionsOf = (device: Device): readonly Precision[] => {
		const has = property(
			library,
			core,
			nameOf(device),
			"OPTIMIZATION_CAPABILITIES",
		).split(/\s+/);
		return [
			"float32",
			...(has.includes("BF16") ? ["bfloat16" as const] : []),
			...(has.includes("FP16") ? ["float16" as const] : []),
		];
	};
	return {
		name: "openvino",
		version: versionOf(library),
		path,
		devices: async () => [...names.keys()],
		precisions: async (device) => precisionsOf(device),
		flavour: () => defaultFlavour,
		gainsFromBatches: (device) => device !== "cpu",
		async createSession(
			graph,
			{ device = "cpu", precision = "float32", threads } = {},
		) {
			const name = nameOf(device);
			const native = precisionsOf(device);
			if (!native.includes(precision))
				throw new OptionError(
					"precision",
					`this machine's ${device} does not compute in ${precision} natively; choose ${native.join(" or ")}`,
				);
			return openVinoSession(library, core, graph, {
				device: name,
				precision,
				threads,
			});
		},
	};
}

/** Our names of the devices that there are, and OpenVINO's. Of several GPUs the first is taken. */
function deviceNames(
	library: OpenVinoLibrary,
	core: Pointer,
	path: string,
): ReadonlyMap<Device, string> {
	// ov_available_devices_t: the address of an array of texts, and their number
	const devices = new BigInt64Array(2);
	library.call("ov_core_get_available_devices", core, devices);
	const texts = library.addresses(devices[0], Number(devices[1]));
	const found = texts.map(library.text);
	library.free("ov_available_devices_free", devices);
	const names = new Map<Device, string>();
	for (const device of ["cpu", "gpu", "npu"] as const) {
		const name = found.find(
			(text) => text.split(".", 1)[0].toLowerCase() === device,
		);
		if (name) names.set(device, name);
	}
	if (names.size === 0)
		throw unusable(
			path,
			new Error("it has no plugin for any device of this machine"),
		);
	return names;
}

function property(
	library: OpenVinoLibrary,
	core: Pointer,
	device: string,
	key: string,
): string {
	const text = library.made("ov_core_get_property", core, device, key);
	try {
		return library.text(text);
	} finally {
		library.free("ov_free", text);
	}
}

function versionOf(library: OpenVinoLibrary): string {
	// ov_version_t: the addresses of two texts
	const version = new BigInt64Array(2);
	library.call("ov_get_openvino_version", version);
	try {
		return library.text(version[0]).split("-", 1)[0];
	} finally {
		library.free("ov_version_free", version);
	}
}

function unusable(path: string, cause: unknown): UserError {
	const reason = cause instanceof Error ? cause.message : String(cause);
	return new UserError(`OpenVINO at ${path} cannot be used: ${reason}`, {
		code: "unsupported",
		cause,
	});
}
