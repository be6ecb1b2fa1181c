import { createHash } from "node:crypto";

/** The SHA-256 of bytes or UTF-8 text, in hexadecimal digits. */
export function sha256(content: Uint8Array | string): string {
	return createHash("sha256").update(content).digest("hex");
}
