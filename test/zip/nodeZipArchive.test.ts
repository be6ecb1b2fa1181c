import { strToU8, zipSync } from "fflate";
import { describe, expect, test } from "vitest";
import { UserError } from "../../src/errors/userError.js";
import { openZip } from "../../src/zip/nodeZipArchive.js";

const files = {
	"a/": new Uint8Array(),
	"a/text.txt": strToU8("text ".repeat(100)),
	"ü.bin": Uint8Array.of(1, 2, 3),
};

describe.each([
	["stored", 0],
	["deflated", 9],
] as const)("%s", (_, level) => {
	const bytes = zipSync(files, { level });

	test("files are read by name, in any order", async () => {
		const zip = await openZip(bytes, "x.zip");
		expect([...zip.entries.keys()]).toEqual(["a/text.txt", "ü.bin"]);
		expect(await zip.read("ü.bin", 3)).toEqual(Uint8Array.of(1, 2, 3));
		expect(await zip.read("a/text.txt", 500)).toEqual(files["a/text.txt"]);
		zip.close();
	});

	test("what is too large, missing or damaged is one line", async () => {
		const zip = await openZip(bytes, "x.zip");
		await expect(zip.read("a/text.txt", 499)).rejects.toThrow(
			/a\/text\.txt is 500 bytes long, more than the 499/,
		);
		await expect(zip.read("b", 1)).rejects.toThrow(UserError);
		zip.close();
	});
});

test("the place of stored files is known, that of compressed ones is not", async () => {
	const bytes = zipSync(files, { level: 0 });
	const zip = await openZip(bytes, "x.zip");
	const offset = await zip.dataOffset("ü.bin");
	expect(bytes.subarray(offset, offset + 3)).toEqual(files["ü.bin"]);
	const other = await openZip(zipSync(files), "y.zip");
	await expect(other.dataOffset("a/text.txt")).rejects.toThrow(/compressed/);
});

test.each([
	["../up.txt", /invalid relative path/],
	["/root.txt", /absolute path/],
	["a\\b.txt", /invalid characters/],
])("the path %s is refused", async (name, message) => {
	const bytes = zipSync({ [name]: strToU8("x") });
	await expect(openZip(bytes, "x.zip")).rejects.toThrow(UserError);
	await expect(openZip(bytes, "x.zip")).rejects.toThrow(message);
});

test("a name that occurs twice is refused", async () => {
	const bytes = zipSync({ "a.txt": strToU8("1"), "b.txt": strToU8("2") });
	const twice = Uint8Array.from(bytes);
	for (let i = 0; i < twice.length - 4; i++)
		if (twice[i] === 0x62 && twice[i + 1] === 0x2e && twice[i + 2] === 0x74)
			twice[i] = 0x61;
	await expect(openZip(twice, "x.zip")).rejects.toThrow(
		/a\.txt more than once/,
	);
});

test("other files are refused", async () => {
	for (const bytes of [new Uint8Array(), new Uint8Array(100), strToU8("PK")])
		await expect(openZip(bytes, "x.zip")).rejects.toThrow(UserError);
});
