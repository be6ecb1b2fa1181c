import { UserError } from "../errors/userError.js";

/**
 * An engine's error as one line; what the user can do something about as a UserError.
 * @param what the network and what failed, e.g. "DIR/unet: cannot be loaded"
 */
export function sessionError(cause: unknown, what: string): Error {
	const reason = firstLine(
		cause instanceof Error ? cause.message : String(cause),
	);
	if (
		/bad_alloc|out of memory|failed to allocate|bad allocation|SafeIntOnOverflow/i.test(
			reason,
		)
	)
		return new UserError(
			`${what}: not enough memory; use a smaller width and height or maxDecodeBatch 1, or close other programs (${reason})`,
			{ code: "no_memory", cause },
		);
	if (/execution provider|CUDA|cuDNN|DirectML|WebGPU/i.test(reason))
		return new UserError(
			`${what}: the device failed; try the device cpu (${reason})`,
			{ code: "unsupported", cause },
		);
	return new Error(`${what}: ${reason}`, { cause });
}

/** The first line of a native library's message, which tells what happened; the rest is where in its source. */
export function firstLine(text: string): string {
	return text.split("\n", 1)[0].trim();
}
