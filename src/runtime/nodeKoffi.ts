import { UserError } from "../errors/userError.js";

/**
 * The package that calls native libraries, loaded when it is first needed.
 * @throws UserError where it has no binary for this machine.
 */
export async function loadKoffi(): Promise<typeof import("koffi").default> {
	try {
		return (await import("koffi")).default;
	} catch (cause) {
		const reason = cause instanceof Error ? cause.message : String(cause);
		throw new UserError(
			`native libraries cannot be called on ${process.platform} ${process.arch}: the package koffi cannot be loaded (${reason.split("\n", 1)[0]})`,
			{ code: "not_installed", cause },
		);
	}
}
