import { UserError } from "../../errors/userError.js";
import { firstLine } from "../sessionError.js";

export type OnnxRuntime = typeof import("onnxruntime-node");

/**
 * ONNX Runtime's library, loaded when first asked for, with its telemetry off: it reads the variable when it is loaded, and would otherwise
 * write files into the user's folders and contact a host. Nothing else may import the package.
 * @throws UserError when it cannot be loaded on this machine.
 */
export async function loadRuntime(): Promise<OnnxRuntime> {
	process.env.ORT_DISABLE_TELEMETRY = "1";
	try {
		return await import("onnxruntime-node");
	} catch (cause) {
		const reason = cause instanceof Error ? cause.message : String(cause);
		throw new UserError(
			`ONNX Runtime cannot be loaded on ${process.platform} ${process.arch} (${firstLine(reason)}); install the package again with "npm ci"`,
			{ code: "not_installed", cause },
		);
	}
}
