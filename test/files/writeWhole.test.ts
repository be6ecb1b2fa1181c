import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { UserError } from "../../src/errors/userError.js";
import { placeWhole, writeWhole } from "../../src/files/nodeWriteWhole.js";

const folder = mkdtempSync(join(tmpdir(), "fdiff-whole-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const fresh = () => mkdtempSync(join(folder, "test-"));

describe("a file is written whole", () => {
	test("text and bytes, over what was there, and nothing beside them", async () => {
		const place = fresh();
		await writeWhole(join(place, "a"), "first, and longer");
		await writeWhole(join(place, "a"), "second");
		await writeWhole(join(place, "b"), Uint8Array.of(0, 255));
		expect(readFileSync(join(place, "a"), "utf8")).toBe("second");
		expect([...readFileSync(join(place, "b"))]).toEqual([0, 255]);
		expect(readdirSync(place).sort()).toEqual(["a", "b"]);
	});

	test("keep leaves what is there", async () => {
		const path = join(fresh(), "a");
		await writeWhole(path, "first", { keep: true });
		await writeWhole(path, "second", { keep: true });
		expect(readFileSync(path, "utf8")).toBe("first");
	});

	test("keep leaves what is there on a file system without hard links", () => {
		const place = fresh();
		const { stderr } = spawnSync(
			process.execPath,
			[
				"--input-type=module",
				"--import",
				pathToFileURL(join(import.meta.dirname, "withoutLinks.mjs")).href,
				"-e",
				`import { writeWhole } from ${JSON.stringify(pathToFileURL(join(import.meta.dirname, "../../dist/files/nodeWriteWhole.js")).href)};
				const keep = { keep: true };
				await Promise.all(Array.from({ length: 9 }, (_, i) => writeWhole("a", "n".repeat(i + 1), keep)));
				await writeWhole("a", "late", keep);`,
			],
			{
				cwd: place,
				env: { ...process.env, REFUSED_LINKS: "EPERM" },
				encoding: "utf8",
			},
		);
		expect(stderr).toBe("");
		expect(readFileSync(join(place, "a"), "utf8")).toMatch(/^n{1,9}$/);
		expect(readdirSync(place)).toEqual(["a"]);
	});

	test("folders are made where that is wanted", async () => {
		const path = join(fresh(), "b", "c", "a");
		await writeWhole(path, "there", { makeFolder: true });
		expect(readFileSync(path, "utf8")).toBe("there");
	});

	test("a name as long as the file system allows", async () => {
		const place = fresh();
		const name = "é".repeat(120);
		await writeWhole(join(place, name), "there");
		expect(readdirSync(place)).toEqual([name]);
	});

	test("of many at once one wins, and it is whole", async () => {
		const place = fresh();
		const texts = Array.from({ length: 20 }, (_, i) => `${i},`.repeat(10_000));
		await Promise.all(texts.map((text) => writeWhole(join(place, "a"), text)));
		expect(texts).toContain(readFileSync(join(place, "a"), "utf8"));
		expect(readdirSync(place)).toEqual(["a"]);
	});
});

describe("what cannot be written is one line that names it, and nothing is left behind", () => {
	test.each([
		["missing/a", "its folder does not exist"],
		["taken", "it is a folder"],
		["file/a", "a part of the path is a file"],
		["x".repeat(300), "the name is too long"],
	])("%s", async (name, reason) => {
		const place = fresh();
		mkdirSync(join(place, "taken"));
		writeFileSync(join(place, "file"), "as it was");
		const path = join(place, name);
		const writing = writeWhole(path, "content");
		await expect(writing).rejects.toThrow(UserError);
		await expect(writing).rejects.toThrow(
			new UserError(`${path} cannot be written: ${reason}`),
		);
		expect(readdirSync(place).sort()).toEqual(["file", "taken"]);
		expect(readFileSync(join(place, "file"), "utf8")).toBe("as it was");
	});

	test("a device or a pipe stays what it is", async () => {
		const place = fresh();
		const pipe = join(place, "pipe");
		spawnSync("mkfifo", [pipe]);
		symlinkSync("/dev/null", join(place, "link"));
		for (const path of [pipe, join(place, "link"), "/dev/null"])
			await expect(writeWhole(path, "content")).rejects.toThrow(
				new UserError(
					`${path} cannot be written: it is a device or pipe, not a file`,
				),
			);
		expect(statSync(pipe).isFIFO()).toBe(true);
		expect(readdirSync(place).sort()).toEqual(["link", "pipe"]);
	});

	test("another name for it in the error", async () => {
		await expect(
			writeWhole(join(fresh(), "b", "a"), "", { label: "--out b/a" }),
		).rejects.toThrow("--out b/a cannot be written: its folder does not exist");
	});

	test("where its making fails half-way", async () => {
		const path = join(fresh(), "a");
		let seen = "";
		const placing = placeWhole(path, async (temporary) => {
			seen = temporary;
			writeFileSync(temporary, "half");
			throw Object.assign(new Error("ENOSPC: no space left on device"), {
				code: "ENOSPC",
			});
		});
		await expect(placing).rejects.toThrow(
			new UserError(`${path} cannot be written: the disk is full`),
		);
		expect(seen).not.toBe("");
		expect([existsSync(seen), existsSync(path)]).toEqual([false, false]);
	});
});

test("what killed processes of this machine left half-written is removed, what others are writing is not", async () => {
	const place = fresh();
	const { pid } = spawnSync(process.execPath, ["--version"]);
	const host = createHash("sha256").update(hostname()).digest("hex");
	const name = (of: string, id: number) =>
		`.a.png.${of.slice(0, 8)}-${id}-0123456789ab.tmp`;
	const left = name(host, pid ?? 0);
	const mine = name(host, process.pid);
	const theirs = name("ffffffff", pid ?? 0);
	for (const file of [left, mine, theirs, ".a.tmp"])
		writeFileSync(join(place, file), "half");
	await writeWhole(join(place, "b.png"), "whole");
	expect(readdirSync(place).sort()).toEqual(
		[".a.tmp", mine, theirs, "b.png"].sort(),
	);
});
