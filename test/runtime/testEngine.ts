import type { Engine } from "../../src/runtime/engine.js";
import { onnxRuntime } from "../../src/runtime/onnxruntime/nodeOnnxRuntime.js";
import { openVino } from "../../src/runtime/openvino/nodeOpenVino.js";

/** The engine of this run of the tests: vitest.config.ts runs those that compute with networks once with each. */
export const testEngine: Engine = await chosen();

async function chosen(): Promise<Engine> {
	if (process.env.FDIFF_TEST_ENGINE !== "openvino") return onnxRuntime;
	const engine = await openVino();
	if (!engine) throw new Error("OpenVINO is not installed");
	return engine;
}
