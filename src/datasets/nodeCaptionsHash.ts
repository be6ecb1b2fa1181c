import { sha256 } from "../files/nodeSha256.js";
import type { ResolvedProtocol } from "./protocol.js";

/** The SHA-256 of a resolved list: image ids, caption ids, captions, seeds and the real images. */
export const captionsHash = ({ entries, reals }: ResolvedProtocol): string =>
	sha256(JSON.stringify([entries, reals]));
