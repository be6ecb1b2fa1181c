import { findLibrary } from "../runtime/openvino/nodeFindLibrary.js";
import { thisPlatform, WHEEL_DIGESTS } from "../runtime/openvino/nodeWheels.js";

/** Seconds an image takes from which its user may want a faster engine. */
const SLOW = 20;

/**
 * What would make a slow run faster, in a line; undefined where it was not slow, or where nothing is known that would.
 * @param run the engine that drew, the engine and device that were asked for, and the seconds an image took
 */
export async function fasterEngine(run: {
	readonly engine: string;
	readonly asked?: string;
	readonly device?: string;
	readonly seconds: number;
}): Promise<string | undefined> {
	const { engine, asked = "auto", device = "cpu", seconds } = run;
	if (engine !== "onnxruntime" || asked !== "auto" || device !== "cpu")
		return undefined;
	if (seconds < SLOW || !WHEEL_DIGESTS[thisPlatform]) return undefined;
	if (process.env.FDIFF_OPENVINO_DIR === "off" || (await findLibrary()))
		return undefined;
	return 'OpenVINO draws this faster, in half the time where the processor computes in bfloat16: "fdiff engines install openvino" (59 MB)';
}
