import { UserError } from "../errors/userError.js";

/** UTF-8, or UTF-16 with its mark as spreadsheets save it. @throws UserError for any other encoding */
export function decodeText(bytes: Uint8Array, label: string): string {
	const [first, second] = bytes;
	const encoding =
		first === 0xff && second === 0xfe
			? "utf-16le"
			: first === 0xfe && second === 0xff
				? "utf-16be"
				: "utf-8";
	try {
		return new TextDecoder(encoding, { fatal: true }).decode(bytes);
	} catch {
		throw new UserError(`${label} is no text in UTF-8: save it as UTF-8`);
	}
}
