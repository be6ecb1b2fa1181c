import { UserError } from "../../errors/userError.js";
import { type OpenWeightFile, openWeightFile } from "./weightFile.js";
import type { DType, Weights } from "./weights.js";

/** Bytes that are read at once. */
const pieceLength = 2 ** 24;

/** Bits of the exponent, all set in NaN and the infinities and in nothing else, in the 16- or 32-bit units a type consists of. */
const exponents: Partial<
	Record<
		DType,
		{ readonly bits: 16 | 32; readonly mask: number; readonly of: 1 | 2 }
	>
> = {
	F16: { bits: 16, mask: 0x7c00, of: 1 },
	BF16: { bits: 16, mask: 0x7f80, of: 1 },
	F32: { bits: 32, mask: 0x7f800000, of: 1 },
	// The exponent is in the second (higher) half.
	F64: { bits: 32, mask: 0x7ff00000, of: 2 },
};

/**
 * The name of the first tensor (in the weights' order) that holds a NaN or an infinity; undefined where all are finite. Reads
 * every floating-point tensor once: about a second a gigabyte.
 * @param open `openNodeWeightFile` for weights on disk.
 * @throws UserError when a file cannot be read; the signal's reason when it is aborted.
 */
export async function firstNotFinite(
	weights: Weights,
	open: OpenWeightFile = openWeightFile,
	signal?: AbortSignal,
): Promise<string | undefined> {
	const files = new Map<string, Awaited<ReturnType<OpenWeightFile>>>();
	for (const [name, entry] of weights.tensors) {
		const exponent = exponents[entry.dtype];
		if (!exponent) continue;
		const file = files.get(entry.file) ?? (await open(weights, entry.file));
		files.set(entry.file, file);
		for (let at = 0; at < entry.length; at += pieceLength) {
			signal?.throwIfAborted();
			const length = Math.min(pieceLength, entry.length - at);
			const bytes = await file.read(entry.offset + at, length);
			if (bytes.length !== length)
				throw new UserError(`${file.label} has become shorter`);
			// A copy where the bytes do not begin at a multiple of a unit.
			const { buffer, byteOffset } =
				bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
			const units =
				exponent.bits === 16
					? new Uint16Array(buffer, byteOffset, length / 2)
					: new Uint32Array(buffer, byteOffset, length / 4);
			const { mask, of } = exponent;
			for (let i = of - 1; i < units.length; i += of)
				if ((units[i] & mask) === mask) return name;
		}
	}
	return undefined;
}
