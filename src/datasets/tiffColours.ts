/** TIFF 6.0's tags and values. */
const COMPRESSION = 259;
const PHOTOMETRIC = 262;
const YCBCR = 6;
const JPEG = [6, 7];

/**
 * Whether a file is a TIFF that holds YCbCr otherwise than as JPEG, which libvips decodes to wrong colours.
 * @param bytes the whole file; only its first picture counts.
 */
export function isPlainYcbcrTiff(bytes: Uint8Array): boolean {
	if (bytes.length < 8) return false;
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
	const mark = view.getUint16(0, false);
	if (mark !== 0x4949 && mark !== 0x4d4d) return false;
	const little = mark === 0x4949;
	if (view.getUint16(2, little) !== 42) return false;
	const directory = view.getUint32(4, little);
	if (directory + 2 > bytes.length) return false;
	const values = new Map<number, number>();
	const count = view.getUint16(directory, little);
	for (let i = 0; i < count; i++) {
		const entry = directory + 2 + 12 * i;
		if (entry + 12 > bytes.length) break;
		values.set(
			view.getUint16(entry, little),
			view.getUint16(entry + 8, little),
		);
	}
	return (
		values.get(PHOTOMETRIC) === YCBCR &&
		!JPEG.includes(values.get(COMPRESSION) ?? 1)
	);
}
