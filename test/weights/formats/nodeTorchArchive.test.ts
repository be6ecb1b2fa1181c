import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { UserError } from "../../../src/errors/userError.js";
import {
	openNodeFile,
	openNodeWeightFile,
} from "../../../src/weights/formats/nodeModelFolder.js";
import { readTorchArchive } from "../../../src/weights/formats/nodeTorchArchive.js";
import { parseSafetensorsHeader } from "../../../src/weights/formats/safetensorsHeader.js";
import { memoryFile } from "../../../src/weights/formats/weightFile.js";
import type { Weights } from "../../../src/weights/formats/weights.js";

// Files of torch.save made by test/reference/torch_archives.py.
const folder = join(import.meta.dirname, "../../models/torch-archives");
const bytesOf = (name: string) =>
	new Uint8Array(readFileSync(join(folder, name)));
const safetensors = bytesOf("expected.safetensors");
const expected = parseSafetensorsHeader(
	safetensors,
	safetensors.length,
	"expected",
);

/** The bytes of a tensor, wherever they lie. */
async function content(weights: Weights, name: string): Promise<Uint8Array> {
	const entry = weights.tensors.get(name)!;
	const file = await openNodeWeightFile(weights, entry.file);
	return file.read(entry.offset, entry.length);
}

describe.each(["zip.pth", "legacy.pth", "nested.pth", "deflated.pth"])(
	"%s",
	(name) => {
		test("holds what torch saved", async () => {
			const weights = await readTorchArchive(
				await openNodeFile(join(folder, name)),
			);
			expect([...weights.tensors.keys()].sort()).toEqual(
				[...expected.entries.keys()].sort(),
			);
			for (const [key, { dtype, shape, offset, length }] of expected.entries) {
				const entry = weights.tensors.get(key)!;
				expect([key, entry.dtype, entry.shape]).toEqual([key, dtype, shape]);
				expect(await content(weights, key)).toEqual(
					safetensors.subarray(offset, offset + length),
				);
			}
		});

		test("is read from memory alike", async () => {
			const bytes = bytesOf(name);
			const weights = await readTorchArchive(memoryFile(name, "key", bytes));
			const { offset, length } = expected.entries.get("conv.weight")!;
			expect(await content(weights, "conv.weight")).toEqual(
				safetensors.subarray(offset, offset + length),
			);
		});

		test("no mutation ends in anything but tensors inside their files or one line", async () => {
			const bytes = bytesOf(name);
			const edit = fc.record({
				at: fc.nat(bytes.length - 1),
				value: fc.nat(255),
			});
			const length = fc.oneof(fc.constant(bytes.length), fc.nat(bytes.length));
			const edits = fc.array(edit, { minLength: 1, maxLength: 6 });
			const property = fc.asyncProperty(length, edits, async (size, list) => {
				const broken = bytes.slice(0, size);
				for (const { at, value } of list) if (at < size) broken[at] = value;
				const file = memoryFile("broken.pth", "key", broken);
				const weights = await readTorchArchive(file).catch((error) => {
					expect(error).toBeInstanceOf(UserError);
					expect(error.message).not.toContain("\n");
				});
				for (const entry of weights?.tensors.values() ?? []) {
					const at = weights!.files.get(entry.file)!;
					if (!("bytes" in at)) throw new Error("only bytes were given");
					expect(entry.offset + entry.length).toBeLessThanOrEqual(
						at.bytes.length,
					);
				}
			});
			await fc.assert(property, { numRuns: 400 });
		});
	},
);

test("tensors point into the file where they can", async () => {
	const weights = await readTorchArchive(
		await openNodeFile(join(folder, "zip.pth")),
	);
	const copied = [...weights.tensors.values()]
		.filter(({ file }) => file !== "zip.pth")
		.map(({ name }) => name);
	expect(copied).toEqual(["transposed", "strided", "channels_last"]);
});

test("what would be executed is refused by name", async () => {
	const file = memoryFile("object.pth", "key", bytesOf("object.pth"));
	await expect(readTorchArchive(file)).rejects.toThrow(
		/posix\.system, which is not executed/,
	);
});

test("other files are refused", async () => {
	for (const bytes of [new Uint8Array(), safetensors, new Uint8Array(99)]) {
		const file = memoryFile("x.pth", "key", bytes);
		await expect(readTorchArchive(file)).rejects.toThrow(UserError);
	}
});

test("a state dict that holds itself is refused", async () => {
	const bytes = Buffer.from(
		"gAKKCmz8nEb5IGqoUBkugAJN6QMugAJ9LoACfXEAWAoAAABzdGF0ZV9kaWN0aABzLoACXS4=",
		"base64",
	);
	await expect(
		readTorchArchive(memoryFile("self.pt", "self.pt", bytes)),
	).rejects.toThrow(/self\.pt is damaged: its state dict holds itself/);
});

test("a pickle of more parts than any state dict has is refused before they fill the memory", async () => {
	// 16 MiB of empty lists, which would take 1.7 GB
	const lists = new Uint8Array(2 ** 24).fill(0x5d);
	lists.set([0x80, 2]);
	await expect(
		readTorchArchive(memoryFile("lists.pt", "lists.pt", lists)),
	).rejects.toThrow(/^lists\.pt is no plain state dict: it has too many parts/);
});
