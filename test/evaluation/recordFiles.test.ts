import {
	appendFileSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
	featureReader,
	openRecordWriter,
	readRecords,
} from "../../src/evaluation/run/nodeRecordFiles.js";
import type { RealRecord } from "../../src/evaluation/run/record.js";

const real = (index: number): RealRecord => ({ kind: "real", index });
const features = (index: number) => Float32Array.of(index, index / 3, -index);
const WIDTH = 3;

let folder = "";
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "fdiff-records-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function fill(from: number, to: number): Promise<void> {
	const writer = await openRecordWriter(folder, "main", WIDTH);
	for (let i = from; i < to; i++) await writer.append(real(i), features(i));
	await writer.close();
}

/** Every record that can be read has its own features. */
async function checkAll(): Promise<number[]> {
	const records = await readRecords(folder, WIDTH);
	const reader = featureReader(WIDTH);
	const found: number[] = [];
	for (const { record, features: place } of records.values()) {
		if (record.kind !== "real" || !place) throw new Error("not written here");
		expect(await reader.read(place)).toEqual(features(record.index));
		found.push(record.index);
	}
	await reader.close();
	return found.sort((a, b) => a - b);
}

const range = (to: number) => Array.from({ length: to }, (_, i) => i);

describe("record files", () => {
	test("whatever is cut off their ends, what is left is whole, and writing goes on", async () => {
		await fill(0, 4);
		const lines = join(folder, "main-0000.jsonl");
		const rows = join(folder, "main-0000.f32");
		const text = readFileSync(lines);
		const values = readFileSync(rows);
		for (let cut = 0; cut <= text.length; cut += 7) {
			writeFileSync(lines, text);
			writeFileSync(rows, values);
			truncateSync(lines, text.length - cut);
			// features of the line under way may be there in part, or not at all
			if (cut % 3 === 0) truncateSync(rows, values.length - (cut % 37));
			const left = await checkAll();
			expect(left).toEqual(range(left.length));
			await fill(left.length, 6);
			expect(await checkAll()).toEqual(range(6));
		}
	});

	test("a damaged line or row counts as never written, and others stay", async () => {
		await fill(0, 4);
		const lines = join(folder, "main-0000.jsonl");
		writeFileSync(
			lines,
			readFileSync(lines, "utf8").replace('"index":1', '"index":9'),
		);
		const rows = join(folder, "main-0000.f32");
		const values = readFileSync(rows);
		values[2 * WIDTH * 4] ^= 1;
		writeFileSync(rows, values);
		expect(await checkAll()).toEqual([0, 3]);
		await fill(1, 3);
		expect(await checkAll()).toEqual(range(4));
	});

	test("of two records of the same image the first counts", async () => {
		await fill(0, 2);
		const other = await openRecordWriter(folder, "other", WIDTH);
		await other.append(real(0), features(0));
		await other.append(real(2), features(2));
		await other.close();
		expect(await checkAll()).toEqual([0, 1, 2]);
	});

	test("lines of other programs are not taken for records", async () => {
		await fill(0, 1);
		appendFileSync(
			join(folder, "main-0000.jsonl"),
			`00000000 {"record":{"kind":"real","index":5}}\nhello\n`,
		);
		expect(await checkAll()).toEqual([0]);
	});

	test("many records are spread over files", async () => {
		await fill(0, 4100);
		expect(readdirSync(folder).sort()).toEqual([
			"main-0000.f32",
			"main-0000.jsonl",
			"main-0001.f32",
			"main-0001.jsonl",
		]);
		await fill(4100, 4105);
		expect((await checkAll()).length).toBe(4105);
	});
});
