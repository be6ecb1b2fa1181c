import { UserError } from "../errors/userError.js";
import type { Device } from "./session.js";

/**
 * An engine's error as one line; what the user can do something about as a UserError.
 * @param what the network and what failed, e.g. "DIR/unet: cannot be loaded"
 * @param plain the device to try in place of one that failed
 */
export function sessionError(
	cause: unknown,
	what: string,
	plain: Device = "cpu",
): Error {
	const reason = firstLine(
		cause instanceof Error ? cause.message : String(cause),
	);
	if (
		/bad_alloc|out of memory|failed to allocate|bad allocation|Array buffer allocation failed|memory access out of bounds|SafeIntOnOverflow/i.test(
			reason,
		)
	)
		return new UserError(
			`${what}: not enough memory; use a smaller width and height or maxDecodeBatch 1, or close other programs (${reason})`,
			{ code: "no_memory", cause },
		);
	if (/execution provider|CUDA|cuDNN|DirectML|WebGPU/i.test(reason))
		return new UserError(
			`${what}: the device failed; try the device ${plain} (${reason})`,
			{ code: "unsupported", cause },
		);
	return new Error(`${what}: ${reason}`, { cause });
}

/** The first line of a native library's message, which tells what happened; the rest is where in its source. */
export function firstLine(text: string): string {
	return text.split("\n", 1)[0].trim();
}
