import { expect, test } from "vitest";
import { checkWebMemory, webMemoryNeed } from "../../src/pipeline/webMemory.js";
import type { ModelFiles } from "../../src/weights/folder/modelFiles.js";
import type { TensorEntry } from "../../src/weights/formats/weights.js";

/** A model whose networks have so many numbers, in float16, and a tensor of 100 million in its UNet. */
function model(numbers: Readonly<Record<string, number>>) {
	const networks = Object.fromEntries(
		Object.entries(numbers).map(([name, count]) => {
			const shapes = name === "unet" ? [[1e8], [count - 1e8]] : [[count]];
			const tensors = new Map<string, TensorEntry>(
				shapes.map((shape, i) => [
					`w${i}`,
					{
						name: `w${i}`,
						dtype: "F16",
						shape,
						file: "f",
						offset: 0,
						length: 2 * shape[0],
					},
				]),
			);
			return [
				name,
				{ config: {}, weights: { label: name, files: new Map(), tensors } },
			];
		}),
	);
	return { networks } as unknown as Pick<ModelFiles, "networks">;
}

const sd15 = model({ unet: 859e6, vae: 84e6, text_encoder: 123e6 });
const sdxl = model({ unet: 2567e6, vae: 84e6, text_encoder: 123e6 });

test("what a model needs: its largest network where they make room for each other, in what it computes in", () => {
	expect(webMemoryNeed(sd15, 4)).toMatchObject({
		weights: 859e6 * 4,
		networks: ["unet"],
	});
	expect(webMemoryNeed(sd15, 2).weights).toBe(859e6 * 2);
	const small = model({ unet: 2e8, vae: 1e7, text_encoder: 1e7 });
	expect(webMemoryNeed(small, 4)).toMatchObject({
		weights: 22e7 * 4,
		networks: ["unet", "vae", "text_encoder"],
	});
});

test("a model that a device cannot hold is refused with the numbers", () => {
	const wasm = { memory: 2 ** 32 };
	expect(() =>
		checkWebMemory("sd15", "wasm", webMemoryNeed(sd15, 4), wasm),
	).not.toThrow();
	expect(() =>
		checkWebMemory("sdxl", "wasm", webMemoryNeed(sdxl, 4), wasm),
	).toThrow(
		"sdxl needs 10.27 GB for its unet and about 500 MB to compute with, but wasm has 4.29 GB: use webgpu, or a smaller model",
	);
	const gpu = { tensor: 2 ** 27 };
	expect(() =>
		checkWebMemory("sd15", "webgpu", webMemoryNeed(sd15, 2), gpu),
	).toThrow(
		/^device: sd15 has a weight of 1\.52 GB \(unet\/w1\), but this graphics device takes at most 135 MB at once: use wasm/,
	);
	expect(() =>
		checkWebMemory("sd15", "webgpu", webMemoryNeed(sd15, 2), {
			tensor: 2 ** 32,
		}),
	).not.toThrow();
});
