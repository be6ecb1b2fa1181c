import { createHash } from "node:crypto";
import type { ResolvedProtocol } from "../datasets/protocol.js";

/** The SHA-256 of bytes or UTF-8 text, in hexadecimal digits. */
export function sha256(content: Uint8Array | string): string {
	return createHash("sha256").update(content).digest("hex");
}

/** The SHA-256 of a resolved list: image ids, caption ids, captions, seeds and the real images. */
export const captionsHash = ({ entries, reals }: ResolvedProtocol): string =>
	sha256(JSON.stringify([entries, reals]));
