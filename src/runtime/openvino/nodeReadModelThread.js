// @ts-check
// Reads one model, in a thread whose current folder is the root of the file system: OpenVINO takes weights only below the current folder, and
// maps them from their files then. Only this thread's current folder changes. In JavaScript, so that it also runs where the sources do.
import { parentPort, workerData } from "node:worker_threads";
import koffi from "koffi";

/** Of Linux's sched.h. */
const CLONE_FS = 0x200;

/** @type {{ path: string, core: bigint, model: Uint8Array }} */
const { path, core, model } = workerData;

/** Whether this thread now has a current folder of its own, the root. */
function atRoot() {
	const system = koffi.load(null);
	if (process.platform === "darwin")
		return system.func("int pthread_chdir_np(const char *path)")("/") === 0;
	if (system.func("int unshare(int flags)")(CLONE_FS) !== 0) return false;
	return system.func("int chdir(const char *path)")("/") === 0;
}

function read() {
	if (!atRoot()) return { refused: true };
	const library = koffi.load(path);
	const readModel = library.func(
		"int ov_core_read_model_from_memory_buffer(void *core, void *model, size_t length, void *weights, void *read)",
	);
	const made = new BigUint64Array(1);
	if (readModel(core, model, model.length, 0n, made) === 0)
		return { model: made[0] };
	const lastError = library.func("const char *ov_get_last_err_msg()");
	return { error: String(lastError()) };
}

try {
	parentPort?.postMessage(read());
} catch {
	parentPort?.postMessage({ refused: true });
}
