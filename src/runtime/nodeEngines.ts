import { OptionError } from "../errors/optionError.js";
import { UserError } from "../errors/userError.js";
import type { Engine, EngineName } from "./engine.js";
import { onnxRuntime } from "./onnxruntime/nodeOnnxRuntime.js";
import { openVino } from "./openvino/nodeOpenVino.js";
import type { Device, Precision } from "./session.js";

/** What is asked of an engine; `auto`, the default of both, leaves the choice to what this machine has. */
export interface EngineOptions {
	readonly engine?: EngineName | "auto";
	readonly precision?: Precision | "auto";
	/** Default `cpu`. */
	readonly device?: Device;
}

/** Bytes of weights from which OpenVINO is worth it: pictures of smaller models are drawn before it has compiled them. */
const WORTH_COMPILING = 2 ** 28;

/** An engine, and what its networks compute in. */
export interface EngineChoice {
	readonly engine: Engine;
	readonly precision: Precision;
}

/**
 * The engine for some options. `auto` takes OpenVINO where it is installed, loads, has the device and is worth it, else ONNX Runtime; and of precisions
 * bfloat16 where OpenVINO's device computes in it natively, else float32.
 * @throws OptionError when an engine, device or precision that was asked for cannot be had.
 */
export async function chooseEngine({
	engine: asked = "auto",
	precision = "auto",
	device = "cpu",
	weightBytes = Number.POSITIVE_INFINITY,
}: EngineOptions & {
	/** Of the model's weights. */
	readonly weightBytes?: number;
}): Promise<EngineChoice> {
	const exact = precision === "auto" || precision === "float32";
	const small = device === "cpu" && weightBytes < WORTH_COMPILING;
	const engine = await engineFor(
		asked === "auto" && small && exact ? "onnxruntime" : asked,
		device,
	);
	const has = await engine.devices();
	if (!has.includes(device))
		throw new OptionError(
			"device",
			`${engine.name} has no device ${device} here; choose one of ${has.join(", ")}`,
		);
	const native = await engine.precisions(device);
	if (precision !== "auto" && !native.includes(precision))
		throw new OptionError(
			"precision",
			`${engine.name} does not compute in ${precision} natively on this ${device}; choose ${native.join(" or ")}`,
		);
	return {
		engine,
		precision:
			precision !== "auto"
				? precision
				: native.includes("bfloat16")
					? "bfloat16"
					: "float32",
	};
}

async function engineFor(
	asked: EngineName | "auto",
	device: Device,
): Promise<Engine> {
	if (asked === "onnxruntime") return onnxRuntime;
	if (asked === "openvino") {
		const found = await openVino();
		if (found) return found;
		throw new OptionError(
			"engine",
			`OpenVINO is not installed; "fdiff engines install openvino" installs it, and FDIFF_OPENVINO_DIR names a folder that has it`,
		);
	}
	// a broken installation must not keep anyone from drawing: it is told of where it was asked for, and by `engines list`
	const found = await openVino().catch((error: unknown) => {
		if (process.env.FDIFF_OPENVINO_DIR || !(error instanceof UserError))
			throw error;
		return undefined;
	});
	return found && (await found.devices()).includes(device)
		? found
		: onnxRuntime;
}
