import { expect, test } from "vitest";
import { decodedImages } from "../../src/pipeline/decodedImages.js";
import { givingWay } from "../../src/tensor/giveWay.js";
import { slowCopy } from "../../src/tensor/slowCopy.js";
import { tensor } from "../../src/tensor/tensor.js";

/** How often a timer had its turn while something was computed. */
async function turns(work: () => Promise<unknown>): Promise<number> {
	let count = 0;
	const timer = setInterval(() => count++, 1);
	await work();
	clearInterval(timer);
	return count;
}

test("timers have their turn while a large image becomes bytes, and while large tensors are copied", async () => {
	const values = tensor([2, 3, 768, 768]);
	values.data.fill(0.5);
	let images: Awaited<ReturnType<typeof decodedImages>> = [];
	const decoding = await turns(async () => {
		images = await decodedImages(values);
	});
	expect(decoding).toBeGreaterThan(1);
	expect(images.map(({ data }) => data[5])).toEqual([191, 191]);

	const large = new Float32Array(2 ** 25).fill(1);
	for (let i = 0; i < large.length; i += 1000) large[i] = i;
	let copy = new Float32Array(0);
	const copying = await turns(async () => {
		copy = await slowCopy(large, givingWay());
	});
	expect(copying).toBeGreaterThan(1);
	expect(copy.buffer).not.toBe(large.buffer);
	expect(Buffer.from(copy.buffer).equals(Buffer.from(large.buffer))).toBe(true);
});
