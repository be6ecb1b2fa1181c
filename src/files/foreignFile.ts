/** Bytes that tell what a file is. */
export const headLength = 512;

const texts: readonly (readonly [RegExp, string])[] = [
	[
		/^version https:\/\/git-lfs/,
		"a Git-LFS pointer, which stands for the file and does not hold it: fetch it with git lfs pull, or download it again",
	],
	[
		/^\s*<(!doctype html|html|head|\?xml|!--)/i,
		"a web page, not the file: what was downloaded is an error or a page to log in; download it again",
	],
	[/^GGUF/, "a GGUF file (quantised weights of ggml), which is not read here"],
	[/^RIFF.{4}WEBP|^GIF8/s, "a picture"],
	[/^%PDF/, "a PDF"],
];

/** First bytes in hexadecimal digits. */
const bytes: readonly (readonly [string, string])[] = [
	["89504e47", "a picture"],
	["ffd8ff", "a picture"],
	["504b03", "a zip archive (torch.save writes such pickles)"],
	["504b05", "an empty zip archive"],
	...["8002", "8003", "8004", "8005"].map(
		(start) =>
			[start, "a Python pickle, which can run code when it is loaded"] as const,
	),
	["1f8b", "a gzip archive"],
	["377abcaf", "a 7z archive"],
	["934e554d5059", "a NumPy array"],
	["89484446", "an HDF5 file (Keras)"],
];

/**
 * What a file is that is not what it should be, by its first bytes, in words that follow "is"; undefined where they do not tell.
 * @param head at least its first 512 bytes, or all of it.
 */
export function foreignFile(head: Uint8Array | string): string | undefined {
	const start = head.slice(0, headLength);
	if (start.length === 0) return "empty";
	const text =
		typeof start === "string" ? start : String.fromCharCode(...start);
	const found = texts.find(([pattern]) => pattern.test(text));
	if (found || typeof start === "string") return found?.[1];
	if (start.every((byte) => byte === 0))
		return "zeros only: a download that was broken off";
	const hex = Array.from(start.subarray(0, 8), (byte) =>
		byte.toString(16).padStart(2, "0"),
	).join("");
	return bytes.find(([signature]) => hex.startsWith(signature))?.[1];
}
