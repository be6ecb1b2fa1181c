import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { UserError } from "../../src/errors/userError.js";
import { decodeNpy, encodeNpy } from "../../src/tensor/npy.js";
import { tensor } from "../../src/tensor/tensor.js";

interface Case {
	dims: number[];
	values: number[];
	file: string;
}

// Golden data: test/reference/numpy_arrays.py (files of numpy.save).
const golden = JSON.parse(
	readFileSync(new URL("../golden/numpy_arrays.json", import.meta.url), "utf8"),
) as {
	written: Case[];
	read: (Case & { dtype: string; version: number })[];
	fortran: string;
	complex: string;
};
const bytesOf = (file: string) => new Uint8Array(Buffer.from(file, "base64"));

test.each(golden.written)(
	"$dims is written as numpy writes it",
	({ dims, values, file }) => {
		const encoded = encodeNpy(tensor(dims, Float32Array.from(values)));
		expect(Buffer.from(encoded).toString("base64")).toBe(file);
	},
);

test.each(golden.read)(
	"$dtype of format $version.0 is read",
	({ dims, values, file }) => {
		const decoded = decodeNpy(bytesOf(file), "a.npy");
		expect(decoded.dims).toEqual(dims);
		expect([...decoded.data]).toEqual(values);
	},
);

test("what is written is read back", () => {
	fc.assert(
		fc.property(
			fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 }),
			fc.float(),
			(dims, seed) => {
				const original = tensor(dims);
				original.data.forEach((_, i) => {
					original.data[i] = seed + i;
				});
				const back = decodeNpy(encodeNpy(original), "a.npy");
				expect(back.dims).toEqual(dims);
				expect(back.data).toEqual(original.data);
			},
		),
	);
});

const file = (header: string, data = 0, claimed = header.length) => {
	const head = Buffer.alloc(10);
	head.write("\x93NUMPY\x01\x00", "latin1");
	head.writeUInt16LE(claimed, 8);
	return new Uint8Array(
		Buffer.concat([head, Buffer.from(header), Buffer.alloc(data)]),
	);
};

test.each([
	["nothing", new Uint8Array(0), /does not begin/],
	["another file", Buffer.from("hello, this is text"), /does not begin/],
	[
		"a later version",
		Buffer.from("\x93NUMPY\x04\x00\x00\x00\x00\x00", "latin1"),
		/version is 4/,
	],
	[
		"a huge header",
		Buffer.from("\x93NUMPY\x02\x00\xff\xff\xff\xff", "latin1"),
		/header claims 4294967295/,
	],
	["a header cut off", file("{", 0, 200), /cut off/],
	["a header that is no dict", file("[1, 2]"), /cannot be read/],
	[
		"no shape",
		file("{'descr': '<f4', 'fortran_order': False, }"),
		/cannot be read/,
	],
	[
		"a negative axis",
		file("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }"),
		/cannot be read/,
	],
	[
		"an absurd axis",
		file(
			"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }",
		),
		/cannot be read/,
	],
	[
		"more than the file has",
		file(
			"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4), }",
			16,
		),
		/takes 68719476736 bytes, the file has 16/,
	],
	[
		"bytes left over",
		file("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 12),
		/takes 8 bytes, the file has 12/,
	],
	[
		"a pickled object",
		file("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", 8),
		/its type is "\|O"/,
	],
	["complex numbers", bytesOf(golden.complex), /its type is "<c8"/],
	["Fortran order", bytesOf(golden.fortran), /ascontiguousarray/],
])("%s is refused in one line", (_, bytes, reason) => {
	expect(() => decodeNpy(bytes, "latents.npy")).toThrow(UserError);
	expect(() => decodeNpy(bytes, "latents.npy")).toThrow(reason);
	expect(() => decodeNpy(bytes, "latents.npy")).toThrow(/^latents\.npy .*$/);
});

test("no mutation of a file ends in anything but a tensor or a UserError", () => {
	const originals = golden.read.slice(0, 4).map(({ file }) => bytesOf(file));
	fc.assert(
		fc.property(
			fc.constantFrom(...originals),
			fc.array(fc.tuple(fc.nat(160), fc.nat(255)), {
				minLength: 1,
				maxLength: 4,
			}),
			fc.nat(200),
			(original, edits, length) => {
				const bytes = original.slice(
					0,
					length > 150 ? original.length : length,
				);
				for (const [at, value] of edits)
					if (at < bytes.length) bytes[at] = value;
				try {
					decodeNpy(bytes, "a.npy");
				} catch (error) {
					expect(error).toBeInstanceOf(UserError);
				}
			},
		),
		{ numRuns: 3000 },
	);
});
