import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import { tinySd } from "./tinyModels.js";

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

/** Bytes of JavaScript's heap and of typed arrays that are still in use. */
async function used(): Promise<number> {
	// memory of the native library is freed by finalizers, which run some time after a collection
	for (let n = 0; n < 4; n++) {
		await new Promise((resolve) => setTimeout(resolve, 50));
		collect();
	}
	const { heapUsed, arrayBuffers } = process.memoryUsage();
	return heapUsed + arrayBuffers;
}

const small = {
	prompt: "a red apple",
	width: 64,
	height: 64,
	steps: 1,
	seed: 1,
	keySteps: "all",
};

test.each([true, false])(
	"of 120 images nothing is kept (networks resident: %s)",
	async (keepResident) => {
		const pipeline = await loadPipeline(tinySd, { keepResident, threads: 1 });
		const at: number[] = [];
		let images = 0;
		for await (const event of pipeline.stream({ ...small, numImages: 120 })) {
			if (event.kind !== "image") continue;
			if (++images % 40 === 0) at.push(await used());
		}
		expect(images).toBe(120);
		// an image is 12 KiB of pixels, and 1 KiB each of latents and noise; kept ones show in every part, code that is compiled in one
		const growth = Math.min(at[1] - at[0], at[2] - at[1]) / 40;
		expect(growth).toBeLessThan(3 * 1024);
		await pipeline.release();
	},
);

test("where networks make room for each other, images come long before the last is denoised", async () => {
	const pipeline = await loadPipeline(tinySd, {
		keepResident: false,
		threads: 1,
	});
	const order: string[] = [];
	for await (const event of pipeline.stream({ ...small, numImages: 40 }))
		if (event.kind !== "loading") order.push(event.kind);
	// at most 16 wait
	expect(order.indexOf("image")).toBeLessThanOrEqual(16);
	expect(order.filter((kind) => kind === "image")).toHaveLength(40);
});
