import { Buffer } from "node:buffer";
import { buffer } from "node:stream/consumers";
import {
	type Entry,
	fromBufferPromise,
	openPromise,
	type ZipFile,
} from "yauzl";
import { shorten } from "../errors/shorten.js";
import { UserError } from "../errors/userError.js";

/** A file inside a zip archive. */
export interface ZipEntry {
	/** Its path in the archive, with "/". */
	readonly name: string;
	/** Bytes once unpacked. */
	readonly size: number;
	/** Whether its bytes lie in the archive as they are. */
	readonly stored: boolean;
}

/** A zip archive whose files are read in any order, without unpacking it. */
export interface ZipArchive {
	/** What messages call it. */
	readonly label: string;
	/** Files by name, in the archive's order; folders are left out. */
	readonly entries: ReadonlyMap<string, ZipEntry>;
	/**
	 * The unpacked bytes of a file.
	 * @throws UserError when there is no such file, it is larger than `limit`, encrypted or damaged.
	 */
	read(name: string, limit: number): Promise<Uint8Array>;
	/**
	 * Where the bytes of a stored file begin in the archive; they lie inside it.
	 * @throws UserError when it is compressed or its place is wrong.
	 */
	dataOffset(name: string): Promise<number>;
	close(): void;
}

/** More files than any data set of this field has in one archive. */
const maxEntries = 2_000_000;

/**
 * Opens a zip archive (zip64 too) on disk or in memory and reads its directory, nothing else.
 * @throws UserError when it is none, names a file twice, or holds an unsafe path.
 */
export async function openZip(
	source: string | Uint8Array,
	label: string,
): Promise<ZipArchive> {
	const refuse = (reason: unknown): never => {
		if (reason instanceof UserError) throw reason;
		const words = reason instanceof Error ? reason.message : String(reason);
		throw new UserError(
			`${label} is no usable zip archive: ${shorten(words, 300)}`,
			{
				cause: reason,
			},
		);
	};
	const options = { autoClose: false, strictFileNames: true };
	let zip: ZipFile;
	const found = new Map<string, Entry>();
	try {
		zip =
			typeof source === "string"
				? await openPromise(source, options)
				: await fromBufferPromise(
						Buffer.from(source.buffer, source.byteOffset, source.byteLength),
						options,
					);
	} catch (error) {
		return refuse(error);
	}
	try {
		if (zip.entryCount > maxEntries)
			refuse(`it claims ${zip.entryCount} files`);
		for await (const entry of zip.eachEntry()) {
			if (entry.fileName.endsWith("/")) continue;
			if (found.has(entry.fileName))
				refuse(`it holds ${entry.fileName} more than once`);
			found.set(entry.fileName, entry);
		}
	} catch (error) {
		zip.close();
		return refuse(error);
	}
	const entryOf = (name: string): Entry =>
		found.get(name) ?? refuse(`it has no ${name}`);
	return {
		label,
		entries: new Map(
			[...found].map(([name, entry]) => [
				name,
				{
					name,
					size: entry.uncompressedSize,
					stored: isStored(entry),
				},
			]),
		),
		async read(name, limit) {
			const entry = entryOf(name);
			if (entry.uncompressedSize > limit)
				refuse(
					`${name} is ${entry.uncompressedSize} bytes long, more than the ${limit} expected`,
				);
			try {
				const {
					buffer: memory,
					byteOffset,
					byteLength,
				} = await buffer(await zip.openReadStreamPromise(entry));
				return new Uint8Array(memory, byteOffset, byteLength);
			} catch (error) {
				return refuse(error);
			}
		},
		async dataOffset(name) {
			const entry = entryOf(name);
			if (!isStored(entry)) return refuse(`${name} is compressed`);
			try {
				const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, {
					minimal: true,
				});
				if (fileDataStart + entry.compressedSize > zip.fileSize)
					refuse(`${name} reaches beyond its end`);
				return fileDataStart;
			} catch (error) {
				return refuse(error);
			}
		},
		close: () => zip.close(),
	};
}

function isStored(entry: Entry): boolean {
	return (
		entry.compressionMethod === 0 &&
		!entry.isEncrypted() &&
		entry.compressedSize === entry.uncompressedSize
	);
}
