import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { strToU8, zipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openImageSource } from "../../src/datasets/nodeImageSource.js";
import { openDataset } from "../../src/datasets/nodeOpenDataset.js";
import { decodePicture } from "../../src/datasets/nodePicture.js";
import { UserError } from "../../src/errors/userError.js";

const pictures = join(import.meta.dirname, "../golden/pictures");
const captions = JSON.stringify({
	images: [
		{ id: 139, file_name: "000000000139.jpg" },
		{ id: 285, file_name: "000000000285.jpg" },
	],
	annotations: [
		{ id: 1, image_id: 285, caption: "A bear." },
		{ id: 2, image_id: 139, caption: "A room." },
	],
});
let root: string;

async function put(path: string, bytes: string | Uint8Array): Promise<void> {
	await mkdir(dirname(join(root, path)), { recursive: true });
	await writeFile(join(root, path), bytes);
}

beforeAll(async () => {
	root = await mkdtemp(join(tmpdir(), "datasets-"));
	const photo = new Uint8Array(await readFile(join(pictures, "photo.jpg")));
	const grey = new Uint8Array(await readFile(join(pictures, "grey.jpg")));
	const files = {
		"val2017/": new Uint8Array(),
		"val2017/000000000139.jpg": photo,
		"val2017/000000000285.jpg": grey,
		"__MACOSX/val2017/._000000000139.jpg": strToU8("no image"),
	};
	await put("zips/val2017.zip", zipSync(files, { level: 0 }));
	await put("deflated/val2017.zip", zipSync(files, { level: 9 }));
	const annotations = zipSync({
		"annotations/instances_val2017.json": strToU8("{}"),
		"annotations/captions_train2017.json": strToU8("{}"),
		"annotations/captions_val2017.json": strToU8(captions),
	});
	await put("zips/annotations_trainval2017.zip", annotations);
	await put("deflated/captions_val2017.json", captions);
	for (const [name, bytes] of Object.entries(files))
		if (name.endsWith(".jpg") && name.startsWith("val"))
			await put(`folders/${name}`, bytes);
	await put("folders/annotations/captions_val2017.json", captions);
	await put("sidecar/one.jpg", photo);
	await put("sidecar/deep/two.JPG", grey);
	await put("sidecar/one.txt", "\uFEFFA photo.\r\n\r\nThe same photo.\r\n");
	await put("sidecar/deep/two.txt", "グレー");
	await put("rows/metadata.csv", "file_name,text\na.jpg,first\n");
	await put("rows/a.jpg", photo);
	await put("empty/readme.md", "");
	await put("bare/a.jpg", photo);
	await put("broken.zip", zipSync(files).subarray(100));
});
afterAll(() => rm(root, { recursive: true, force: true }));

describe.each(["zips", "deflated", "folders"])("COCO as %s", (name) => {
	test("is read where it lies", async () => {
		const dataset = await openDataset({ folder: join(root, name) });
		expect(dataset.images.map(({ id }) => id)).toEqual(["139", "285"]);
		expect(dataset.captions.map(({ caption }) => caption)).toEqual([
			"A bear.",
			"A room.",
		]);
		expect(dataset.problems).toEqual([]);
		const [{ file }] = dataset.images;
		const bytes = await dataset.source!.read(file);
		const photo = await readFile(join(pictures, "photo.jpg"));
		expect(Buffer.compare(bytes, photo)).toBe(0);
		expect((await decodePicture(bytes, file)).width).toBe(45);
		dataset.source!.close();
	});
});

test("captions in a .txt beside each image, one a line", async () => {
	const { captions: found } = await openDataset({
		folder: join(root, "sidecar"),
	});
	expect(found).toEqual([
		{ id: "deep/two#0", imageId: "deep/two", caption: "グレー" },
		{ id: "one#0", imageId: "one", caption: "A photo." },
		{ id: "one#1", imageId: "one", caption: "The same photo." },
	]);
});

test("images with a table beside them", async () => {
	const { captions: found } = await openDataset({ folder: join(root, "rows") });
	expect(found).toEqual([{ id: "1", imageId: "a", caption: "first" }]);
});

test("captions in UTF-16 are read, those in an older encoding refused", async () => {
	const text = "\uFEFFcaption\nEin Fuß im Schnee 雪\n";
	const little = new Uint8Array(Buffer.from(text, "utf16le"));
	const big = new Uint8Array(Buffer.from(text, "utf16le").swap16());
	await put("encodings/little.csv", little);
	await put("encodings/big.csv", big);
	await put(
		"encodings/latin1.csv",
		Buffer.from("caption\nEin Fuß\n", "latin1"),
	);
	for (const name of ["little.csv", "big.csv"]) {
		const captions = join(root, "encodings", name);
		const dataset = await openDataset({ captions });
		expect(dataset.captions[0].caption).toBe("Ein Fuß im Schnee 雪");
	}
	await expect(
		openDataset({ captions: join(root, "encodings", "latin1.csv") }),
	).rejects.toThrow(/latin1\.csv is no text in UTF-8/);
});

test("captions alone", async () => {
	const path = join(root, "zips/annotations_trainval2017.zip");
	const dataset = await openDataset({ captions: path });
	expect(dataset.source).toBeUndefined();
	expect(dataset.captions).toHaveLength(2);
});

test.each([
	["empty", /holds no images/],
	["bare", /has images but no captions/],
	["nowhere", /is no folder/],
])("%s is refused in one line", async (folder, message) => {
	const result = openDataset({ folder: join(root, folder) });
	await expect(result).rejects.toThrow(UserError);
	await expect(result).rejects.toThrow(message);
});

test("a broken archive is one line", async () => {
	await expect(openImageSource(join(root, "broken.zip"))).rejects.toThrow(
		/broken\.zip is no usable zip archive/,
	);
});
