import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { encodePng } from "../../src/image/encodePng.js";
import { encodeImage } from "../../src/image/nodeEncodeImage.js";
import { decodeImage } from "../../src/image/nodeImageFile.js";
import { rgbImage } from "../../src/image/rgbImage.js";

test("any picture is read back value for value", async () => {
	const size = fc.integer({ min: 1, max: 24 });
	await fc.assert(
		fc.asyncProperty(
			size,
			size,
			fc.infiniteStream(fc.nat(255)),
			async (...asked) => {
				const [width, height, values] = asked;
				const data = Uint8Array.from(values.take(3 * width * height));
				const png = await encodePng(rgbImage(width, height, data));
				const read = await decodeImage(png, "a picture");
				expect([read.width, read.height]).toEqual([width, height]);
				expect(new Uint8Array(read.data)).toEqual(data);
			},
		),
		{ numRuns: 50 },
	);
});

test("rows are filtered: a picture of the embedded model takes no more than libpng's file", async () => {
	const folder = join(import.meta.dirname, "../../models/emoji/eval/images");
	const [name] = readdirSync(folder);
	const image = await decodeImage(readFileSync(join(folder, name)), name);
	const { length } = await encodePng(image);
	expect(length).toBeLessThanOrEqual((await encodeImage(image, "png")).length);
});
