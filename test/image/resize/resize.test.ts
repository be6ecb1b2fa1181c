import { describe, expect, test } from "vitest";
import { resizeAntialiased } from "../../../src/image/resize/antialiased.js";
import {
	resizeTensorflow,
	resizeTorch,
} from "../../../src/image/resize/bilinear.js";
import type { FilterName } from "../../../src/image/resize/filters.js";
import { resizePillowBytes } from "../../../src/image/resize/pillowBytes.js";
import { planes } from "../../../src/image/resize/pixels.js";
import { readGolden, relativeError } from "../../goldenFile.js";

// Golden data: test/reference/resize.py (Pillow, torch, torch-fidelity).
const golden = readGolden("resize");
const filters: FilterName[] = ["box", "bilinear", "bicubic", "lanczos"];
const cases = [0, 1, 2, 3, 4].map((index) => {
	const { dims, data } = golden.get(`${index}.input`)!;
	const [width, height] = golden.get(`${index}.size`)!.data;
	const image = {
		width: dims[1],
		height: dims[0],
		channels: 3,
		data: data as Uint8Array,
	};
	const name = `${image.width}x${image.height} to ${width}x${height}`;
	const expected = (key: string) => golden.get(`${index}.${key}`)!.data;
	return { name, image, width, height, expected };
});

describe.each(cases)("$name", ({ image, width, height, expected }) => {
	test.each(filters)("Pillow bytes, %s, to the bit", (filter) => {
		const resized = resizePillowBytes(image, width, height, filter);
		expect(resized.data).toEqual(expected(`bytes.${filter}`));
	});
	test.each(filters)("Pillow mode F, %s, to the bit", (filter) => {
		const resized = resizeAntialiased(planes(image), width, height, filter);
		expect(resized.data).toEqual(expected(`float.${filter}`));
	});
	test("TensorFlow 1 bilinear, to the bit", () => {
		const resized = resizeTensorflow(planes(image), width, height);
		expect(resized.data).toEqual(expected("tensorflow"));
	});
	test("torch bilinear", () => {
		const plain = resizeTorch(planes(image), width, height);
		expect(relativeError(plain.data, expected("torch"))).toBeLessThan(1e-6);
		const antialiased = resizeAntialiased(
			planes(image),
			width,
			height,
			"bilinear",
		);
		expect(
			relativeError(antialiased.data, expected("torch-antialias")),
		).toBeLessThan(1e-6);
	});
});
