import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { joinCaptions } from "../../src/datasets/captionedImages.js";
import { parseCaptionTable } from "../../src/datasets/captionTable.js";
import { compareIds } from "../../src/datasets/compareIds.js";
import { parseCsv } from "../../src/datasets/csv.js";
import {
	parseResolvedProtocol,
	resolveProtocol,
} from "../../src/datasets/protocol.js";
import { UserError } from "../../src/errors/userError.js";

const coco = (
	images: [number, string][],
	annotations: [number, number, string][],
) =>
	JSON.stringify({
		info: {},
		images: images.map(([id, file_name]) => ({ id, file_name, width: 640 })),
		annotations: annotations.map(([id, image_id, caption]) => ({
			id,
			image_id,
			caption,
		})),
	});

describe("files of captions", () => {
	const expected = [
		{ file: "a.jpg", caption: 'A "red" apple, cut' },
		{ file: "b.jpg", caption: "Ein Fuß\nim Schnee 雪" },
	];
	test.each([
		["JSON rows", JSON.stringify(expected)],
		["JSON Lines", expected.map((row) => JSON.stringify(row)).join("\r\n")],
		[
			"CSV",
			'\uFEFFfile_name,caption\r\na.jpg,"A ""red"" apple, cut"\r\n\r\nb.jpg,"Ein Fuß\nim Schnee 雪"',
		],
		[
			"CSV with semicolons",
			'file_name;caption\na.jpg;"A ""red"" apple, cut"\nb.jpg;"Ein Fuß\nim Schnee 雪"',
		],
		[
			"CSV with tabs",
			'file_name\tcaption\na.jpg\t"A ""red"" apple, cut"\nb.jpg\t"Ein Fuß\nim Schnee 雪"',
		],
		[
			"JSON Lines with other names",
			expected
				.map(({ file, caption }) =>
					JSON.stringify({ image: file, text: caption }),
				)
				.join("\n"),
		],
	])("%s", (_, text) => {
		expect(parseCaptionTable(text, "x").rows).toEqual(expected);
	});

	test("COCO", () => {
		const text = coco([[9, "000000000009.jpg"]], [[7, 9, "Bread."]]);
		expect(parseCaptionTable(text, "x")).toEqual({
			images: [{ id: "9", file: "000000000009.jpg" }],
			rows: [{ captionId: "7", imageId: "9", caption: "Bread." }],
		});
	});

	test.each([
		["", /no column "caption"/],
		["{", /no valid JSON/],
		["[1]", /row 1 is no object/],
		['[{"file_name":"a.jpg"}]', /row 1 has no text named "caption"/],
		[
			'{"images":[],"annotations":[{"caption":"x"}]}',
			/annotations\.0\.image_id/,
		],
		["file_name,caption\na.jpg,one,two", /row 2 has 3 fields .* 2/],
		['caption\n"open', /line 2: a quote/],
	])("%j is refused in one line", (text, message) => {
		expect(() => parseCaptionTable(text, "x.json")).toThrow(UserError);
		expect(() => parseCaptionTable(text, "x.json")).toThrow(message);
	});

	test("whatever is in them, the answer is rows or one line", () => {
		const texts = fc.oneof(
			fc.string(),
			fc.json(),
			fc.json().map((a) => `${a}\n${a}`),
		);
		fc.assert(
			fc.property(texts, (text) => {
				try {
					parseCaptionTable(text, "x");
				} catch (error) {
					expect(error).toBeInstanceOf(UserError);
				}
			}),
			{ numRuns: 300 },
		);
	});

	test("CSV comes back as it was written", () => {
		const field = fc.string({
			unit: fc.constantFrom("a", ",", '"', "\n", "\r", " ", "é"),
		});
		const rows = fc.array(fc.array(field, { minLength: 2, maxLength: 4 }), {
			minLength: 1,
		});
		fc.assert(
			fc.property(rows, (table) => {
				const quote = (value: string) => `"${value.replaceAll('"', '""')}"`;
				const text = table.map((row) => row.map(quote).join(",")).join("\r\n");
				expect(parseCsv(text)).toEqual(table);
			}),
		);
	});
});

test("ids are ordered by value, the same everywhere", () => {
	const sorted = ["b", "10", "9", "a", "00010", "123456789012345678901"].sort(
		compareIds,
	);
	expect(sorted).toEqual([
		"9",
		"00010",
		"10",
		"123456789012345678901",
		"a",
		"b",
	]);
});

describe("captions and images together", () => {
	const many = Array.from({ length: 400 }, (_, i): [number, string] => [
		i + 1,
		`${i + 1}`.padStart(12, "0").concat(".jpg"),
	]);
	const names = many.map(([, name]) => `val2017/${name}`);
	const captionsOf = (ids: number[]) =>
		ids.map((id): [number, number, string] => [
			1000 - id,
			id,
			` caption\n${id} `,
		]);
	const ids = many.map(([id]) => id);

	test("what is wrong is counted and named, the rest is used", () => {
		const text = coco(
			[...many, many[0]],
			[
				...captionsOf(ids.slice(1)),
				[2000, 5, "second caption"],
				[2000, 5, "second caption"],
				[3000, 999, "of no image"],
				[3001, 6, "  "],
			],
		);
		const table = parseCaptionTable(text, "x");
		const joined = joinCaptions(table, names.slice(0, 399), "coco");
		expect(joined.problems.map(({ what, names: n }) => [what, n])).toEqual([
			["images that are missing", ["000000000400.jpg"]],
			["image ids that occur twice", ["1"]],
			["caption ids that occur twice", ["2000"]],
			["captions without an image", ["3000"]],
			["empty captions", ["3001"]],
			["images without a caption", ["1"]],
		]);
		expect(joined.images).toHaveLength(399);
		expect(joined.images[1]).toEqual({ id: "2", file: names[1] });
		expect(joined.captions).toHaveLength(399);
		expect(joined.captions[0]).toEqual({
			id: "601",
			imageId: "399",
			caption: "caption 399",
		});
	});

	test("too much trouble is refused", () => {
		const table = parseCaptionTable(coco(many, captionsOf(ids)), "x");
		expect(() => joinCaptions(table, names.slice(0, 390), "coco")).toThrow(
			/10 of 400 cannot be used, more than the 1 % allowed .*000000000391\.jpg/,
		);
		expect(
			joinCaptions(table, names.slice(0, 390), "coco", 0.1).images,
		).toHaveLength(390);
	});

	test("rows without a list of images find their files", () => {
		const rows = [
			{ file_name: "./sub/a.png", caption: "one" },
			{ image_id: 42, caption: "two" },
			{ image_id: "b", caption: "three" },
		];
		const table = parseCaptionTable(JSON.stringify(rows), "x");
		const joined = joinCaptions(
			table,
			["sub/a.png", "000000000042.jpg", "b.webp", "rest.jpg"],
			"x",
		);
		expect(joined.images).toEqual([
			{ id: "42", file: "000000000042.jpg" },
			{ id: "./sub/a", file: "sub/a.png" },
			{ id: "b", file: "b.webp" },
			{ id: "rest", file: "rest.jpg" },
		]);
		expect(joined.problems.map(({ what }) => what)).toEqual([
			"images without a caption",
		]);
	});

	test("a file that is listed does not stand in for one of the same name elsewhere", () => {
		const rows = ["cats", "dogs"].map((kind) => ({
			file: `${kind}/1.png`,
			caption: kind,
		}));
		const joined = (names: string[]) =>
			joinCaptions({ images: [], rows }, names, "x", 1);
		const { images, problems } = joined(["cats/1.png"]);
		expect(images).toEqual([{ id: "cats/1", file: "cats/1.png" }]);
		expect(problems).toEqual([
			{ what: "captions without an image", names: ["2"], serious: true },
		]);
		const listed = ["cats", "dogs"].map((id) => ({ id, file: `${id}/1.png` }));
		const coco = { images: listed, rows: [{ imageId: "cats", caption: "a" }] };
		expect(joinCaptions(coco, ["cats/1.png"], "x", 1).images).toHaveLength(1);
		// nobody else's: the same pictures in another folder
		expect(joined(["generated/1.png"]).images[0].file).toBe("generated/1.png");
	});

	test("captions alone need no images", () => {
		const table = parseCaptionTable('[{"caption":"a"},{"caption":"b"}]', "x");
		expect(
			joinCaptions(table, undefined, "x").captions.map(
				({ imageId }) => imageId,
			),
		).toEqual(["1", "2"]);
		expect(() =>
			joinCaptions({ images: [], rows: [] }, undefined, "x"),
		).toThrow(UserError);
	});
});

describe("protocols", () => {
	const dataset = (images: number, perImage: number) =>
		joinCaptions(
			{
				images: Array.from({ length: images }, (_, i) => ({
					id: `${i + 1}`,
					file: `${i + 1}.jpg`,
				})),
				rows: Array.from({ length: images * perImage }, (_, i) => ({
					captionId: `${images * perImage - i}`,
					imageId: `${(i % images) + 1}`,
					caption: `caption ${i}`,
				})),
			},
			undefined,
			"made",
		);

	test("val-5k takes each image's first caption by id", () => {
		const set = dataset(5000, 3);
		const { entries, reals } = resolveProtocol("val-5k", set, 100);
		expect(entries).toHaveLength(5000);
		expect(reals).toHaveLength(5000);
		// Captions are numbered downwards: the last round has the lowest ids.
		expect(entries[0]).toEqual({
			imageId: "1",
			captionId: "5000",
			caption: "caption 10000",
			seed: 100,
		});
		expect(entries.at(-1)).toMatchObject({
			imageId: "5000",
			captionId: "1",
			seed: 5099,
		});
		expect(() => resolveProtocol("val-5k", dataset(20, 1))).toThrow(
			/has 20: use the protocol every-image/,
		);
	});

	test("paper-10k draws the same captions every time, each once", () => {
		const set = dataset(5000, 5);
		const { entries, reals } = resolveProtocol("paper-10k", set);
		expect(new Set(entries.map(({ captionId }) => captionId)).size).toBe(
			10_000,
		);
		expect(reals).toHaveLength(5000);
		// numpy.random.RandomState(2017).permutation(25000)[:3] of captions numbered from 1.
		expect(
			entries.slice(0, 3).map(({ captionId }) => Number(captionId) - 1),
		).toEqual([2151, 2428, 12445]);
		expect(resolveProtocol("paper-10k", set)).toEqual(
			resolveProtocol("paper-10k", set),
		);
	});

	test("smoke-N measures against its own images", () => {
		const set = dataset(50, 2);
		const { entries, reals } = resolveProtocol("smoke-8", set);
		expect(entries.map(({ imageId }) => imageId)).toEqual(reals);
		expect(new Set(reals).size).toBe(8);
		expect([...reals].sort(compareIds)).toEqual(reals);
		expect(() => resolveProtocol("smoke-51", set)).toThrow(
			/draws 51 captions, and made has 50/,
		);
	});

	test("the list comes back from its file", () => {
		const resolved = resolveProtocol("every-image", dataset(4, 1));
		expect(parseResolvedProtocol(JSON.stringify(resolved), "x")).toEqual(
			resolved,
		);
		const other = JSON.stringify({ ...resolved, version: 2 });
		expect(() => parseResolvedProtocol(other, "x")).toThrow(/version/);
		expect(() => resolveProtocol("val-6k", dataset(4, 1))).toThrow(UserError);
	});
});
