import { type FileHandle, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../errors/userError.js";
import { crc32 } from "../../files/crc32.js";
import { makeFolder } from "../../files/nodeMakeFolder.js";
import { type EvaluationRecord, recordKey, recordSchema } from "./record.js";

/** A record, and where its features lie. */
export interface StoredRecord {
	readonly record: EvaluationRecord;
	/** Path of the features file, and the row in it. */
	readonly features?: { readonly file: string; readonly row: number };
}

/** All records of a folder that are whole, by key; of two of the same key the first. */
export type Records = ReadonlyMap<string, StoredRecord>;

/** Records a file pair holds before the next is begun: 30,000 images x 20 methods are some 150 pairs. */
const RECORDS_PER_FILE = 4096;

const linesOf = (stem: string) => `${stem}.jsonl`;
const featuresOf = (stem: string) => `${stem}.f32`;
const hex = (value: number) => value.toString(16).padStart(8, "0");

/**
 * One line of a record file: `CHECKSUM {"record":…,"row":…,"features":"CHECKSUM"}`, both checksums CRC-32.
 */
function encodeLine(
	record: EvaluationRecord,
	features: { row: number; sum: string } | undefined,
): string {
	const body = JSON.stringify({
		record,
		...(features ? { row: features.row, features: features.sum } : {}),
	});
	return `${hex(crc32(new TextEncoder().encode(body)))} ${body}\n`;
}

interface ParsedLine {
	readonly record: EvaluationRecord;
	readonly row?: number;
	readonly features?: string;
}

/** A line's content, or undefined where it is torn, damaged or not ours. */
function decodeLine(line: string): ParsedLine | undefined {
	const body = line.slice(9);
	if (line[8] !== " ") return undefined;
	if (line.slice(0, 8) !== hex(crc32(new TextEncoder().encode(body))))
		return undefined;
	try {
		const json = JSON.parse(body) as Record<string, unknown>;
		const record = recordSchema.safeParse(json.record);
		if (!record.success) return undefined;
		return typeof json.row === "number" && typeof json.features === "string"
			? { record: record.data, row: json.row, features: json.features }
			: { record: record.data };
	} catch {
		return undefined;
	}
}

/**
 * Reads the records of a folder, checking every line and its features. What is torn or damaged is left out, as if it had
 * never been made.
 * @param width values of a row of features
 */
export async function readRecords(
	folder: string,
	width: number,
): Promise<Map<string, StoredRecord>> {
	const records = new Map<string, StoredRecord>();
	for await (const stored of wholeRecords(folder, width)) {
		const key = recordKey(stored.record);
		if (!records.has(key)) records.set(key, stored);
	}
	return records;
}

/** What is done in a folder: all that drawing needs to know of hundreds of thousands of records. */
export interface DoneRecords {
	readonly keys: Set<string>;
	/** Keys of real images that could not be read. */
	readonly broken: ReadonlySet<string>;
}

/** The keys of the records that `readRecords` would give. */
export async function readDone(
	folder: string,
	width: number,
): Promise<DoneRecords> {
	const keys = new Set<string>();
	const broken = new Set<string>();
	for await (const { record } of wholeRecords(folder, width)) {
		keys.add(recordKey(record));
		if (record.kind === "real" && record.broken) broken.add(recordKey(record));
	}
	return { keys, broken };
}

async function* wholeRecords(
	folder: string,
	width: number,
): AsyncGenerator<StoredRecord> {
	for (const name of await recordFileNames(folder)) {
		const stem = join(folder, name);
		for (const { parsed } of await goodLines(stem, width))
			yield {
				record: parsed.record,
				...(parsed.row === undefined
					? {}
					: { features: { file: featuresOf(stem), row: parsed.row } }),
			};
	}
}

async function recordFileNames(folder: string): Promise<string[]> {
	const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
		if (error.code === "ENOENT") return [];
		throw error;
	});
	return names
		.filter((name) => name.endsWith(".jsonl"))
		.map((name) => name.slice(0, -".jsonl".length))
		.sort();
}

/** The whole lines of a file pair whose features are whole too; `end` is the offset behind the line. */
async function goodLines(
	stem: string,
	width: number,
): Promise<{ parsed: ParsedLine; end: number }[]> {
	const lines = await open(linesOf(stem), "r");
	const features = await open(featuresOf(stem), "r").catch(() => undefined);
	try {
		const good: { parsed: ParsedLine; end: number }[] = [];
		const bytes = await lines.readFile();
		const row = Buffer.alloc(4 * width);
		for (let start = 0; start < bytes.length; ) {
			const newline = bytes.indexOf(10, start);
			if (newline < 0) break;
			const parsed = decodeLine(bytes.toString("utf8", start, newline));
			start = newline + 1;
			if (!parsed) continue;
			if (parsed.row !== undefined) {
				const read = await features?.read(
					row,
					0,
					row.length,
					parsed.row * row.length,
				);
				if (
					read?.bytesRead !== row.length ||
					hex(crc32(row)) !== parsed.features
				)
					continue;
			}
			good.push({ parsed, end: start });
		}
		return good;
	} finally {
		await lines.close();
		await features?.close();
	}
}

/** Appends records; one process at a time for each `writer` name. */
export interface RecordWriter {
	/** Stores a record with its features. When this returns, a killed process cannot lose it. */
	append(record: EvaluationRecord, features?: Float32Array): Promise<void>;
	close(): Promise<void>;
}

/**
 * Opens the record files of `writer` in `folder` (`WRITER-0000.jsonl` with `WRITER-0000.f32`, and so on) at their end. A torn
 * tail, left by a kill or a full disk, is cut off first. Features are written before the line that counts them, so a line
 * that can be read has its features.
 * @param width values of a row of features
 */
export async function openRecordWriter(
	folder: string,
	writer: string,
	width: number,
): Promise<RecordWriter> {
	await makeFolder(folder);
	const mine = (await recordFileNames(folder)).filter(
		(name) => name.slice(0, -5) === writer && /-\d{4}$/.test(name),
	);
	let number = mine.length > 0 ? Number(mine[mine.length - 1].slice(-4)) : 0;
	let lines: FileHandle | undefined;
	let features: FileHandle | undefined;
	let count = 0;
	let rows = 0;
	let end = 0;

	const openPair = async () => {
		const stem = join(folder, `${writer}-${String(number).padStart(4, "0")}`);
		lines = await open(linesOf(stem), "a+");
		const good = await goodLines(stem, width);
		count = good.length;
		end = good[good.length - 1]?.end ?? 0;
		rows = good.reduce(
			(most, { parsed }) => Math.max(most, (parsed.row ?? -1) + 1),
			0,
		);
		await lines.truncate(end);
		// not appended to: rows are written where they belong
		features = await open(featuresOf(stem), "r+").catch(() =>
			open(featuresOf(stem), "w+"),
		);
		await features.truncate(rows * 4 * width);
	};
	const closePair = async () => {
		await lines?.close();
		await features?.close();
		lines = undefined;
		features = undefined;
	};

	await openPair();
	return {
		async append(record, values) {
			if (values && values.length !== width)
				throw new RangeError(
					`features of ${values.length} values in a file of ${width}`,
				);
			if (count >= RECORDS_PER_FILE) {
				await closePair();
				number++;
				await openPair();
			}
			let place: { row: number; sum: string } | undefined;
			try {
				if (values && features) {
					const bytes = Buffer.from(
						values.buffer,
						values.byteOffset,
						values.byteLength,
					);
					await writeAll(features, bytes, rows * bytes.length);
					place = { row: rows, sum: hex(crc32(bytes)) };
				}
				const line = Buffer.from(encodeLine(record, place));
				if (!lines) throw new TypeError("the record file is closed");
				await writeAll(lines, line, null);
				end += line.length;
			} catch (error) {
				// half a line must not stand before a whole one
				await lines?.truncate(end).catch(() => undefined);
				throw fullDisk(error, folder);
			}
			if (place) rows++;
			count++;
		},
		close: closePair,
	};
}

async function writeAll(
	file: FileHandle,
	bytes: Buffer,
	position: number | null,
): Promise<void> {
	for (let done = 0; done < bytes.length; ) {
		const { bytesWritten } = await file.write(
			bytes,
			done,
			bytes.length - done,
			position === null ? null : position + done,
		);
		done += bytesWritten;
	}
}

function fullDisk(error: unknown, folder: string): unknown {
	const { code } = error as NodeJS.ErrnoException;
	return code === "ENOSPC" || code === "EDQUOT"
		? new UserError(
				`${folder}: the disk is full; free some space and run the same command again: it goes on where it stopped`,
				{ cause: error },
			)
		: error;
}

/** Reads rows of features one after another, keeping files open between them. */
export function featureReader(width: number): {
	read(place: { file: string; row: number }): Promise<Float32Array>;
	close(): Promise<void>;
} {
	const files = new Map<string, FileHandle>();
	return {
		async read({ file, row }) {
			let handle = files.get(file);
			if (!handle) {
				handle = await open(file, "r");
				files.set(file, handle);
			}
			const values = new Float32Array(width);
			const bytes = new Uint8Array(values.buffer);
			await handle.read(bytes, 0, bytes.length, row * bytes.length);
			return values;
		},
		async close() {
			for (const handle of files.values()) await handle.close();
			files.clear();
		},
	};
}
