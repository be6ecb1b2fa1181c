import { statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cannyEdges } from "../../src/image/cannyEdges.js";
import { readImage } from "../../src/image/nodeImageFile.js";
import type { RgbImage } from "../../src/image/rgbImage.js";
import type { LoraOption } from "../../src/pipeline/adapterOptions.js";
import { optionsFromParameters } from "../../src/pipeline/imageParameters.js";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import type { Pipeline } from "../../src/pipeline/pipeline.js";

const root = join(import.meta.dirname, "..", "..");
const emoji = join(root, "models", "emoji");

let pipeline: Pipeline;
beforeAll(async () => {
	pipeline = await loadPipeline(undefined, {
		threads: 1,
		controlnet: "edges",
		engine: "onnxruntime",
	});
});
afterAll(() => pipeline.release());

const nothing: RgbImage = {
	width: 128,
	height: 128,
	data: new Uint8Array(128 * 128 * 3),
};

describe("what comes with the embedded model", () => {
	test("is small", () => {
		const size = (...path: string[]) => statSync(join(emoji, ...path)).size;
		expect(size("lora", "ice.safetensors")).toBeLessThan(200e3);
		expect(size("lora", "lcm.safetensors")).toBeLessThan(2e6);
		expect(
			size("controlnet-edges", "diffusion_pytorch_model.safetensors"),
		).toBeLessThan(12e6);
	});

	test("the LoRA draws red and yellow things blue", async () => {
		const drawn = async (prompt: string, weight?: number) => {
			const [made] = await pipeline.generate({
				...{ prompt, seed: 7, steps: 10 },
				...{ controlImage: nothing, controlScale: 0 },
				...(weight && { loras: [{ path: "ice", weight }] }),
			});
			return { parameters: made.parameters, blueness: blueness(made.image) };
		};
		for (const prompt of ["a red apple", "grinning face"]) {
			expect((await drawn(prompt)).blueness).toBeLessThan(-40);
			const ice = await drawn(prompt, 1);
			expect(ice.blueness).toBeGreaterThan(40);
			expect(ice.parameters).toContain("<lora:ice:1>");
		}
	});

	test("the LCM-LoRA draws in four steps without guidance as the model does with it: in full colour", async () => {
		const drawn = async (prompt: string, loras: LoraOption[]) => {
			const [{ image }] = await pipeline.generate({
				...{ prompt, seed: 7, sampler: "lcm", steps: 4, loras },
				...{ controlImage: nothing, controlScale: 0 },
			});
			return blueness(image);
		};
		const lcm = [{ path: "lcm" }];
		const blue = await drawn("a blue apple", lcm);
		expect(blue).toBeGreaterThan(100);
		expect(blue).toBeGreaterThan(1.15 * (await drawn("a blue apple", [])));
		expect(await drawn("a red apple", lcm)).toBeLessThan(-100);
	});

	test("a LoRA's weight that is given beside the prompt's is used, and is what the picture says", async () => {
		const controlled = { controlImage: nothing, controlScale: 0 };
		const [made] = await pipeline.generate({
			...{ prompt: "a red apple <lora:ice:0.3>", seed: 7, steps: 1 },
			...{ loras: [{ path: "ice", weight: 1 }], ...controlled },
		});
		expect(made.parameters).toContain("<lora:ice:1>");
		expect(made.parameters).not.toContain("0.3");
		const { options } = optionsFromParameters(made.parameters);
		const [again] = await pipeline.generate({ ...options, ...controlled });
		expect(again.image.data).toEqual(made.image.data);
	});

	test("the control net holds pictures to the edges that it is shown", async () => {
		const agreements: number[] = [];
		for (const [file, prompt] of held) {
			const image = await readImage(join(emoji, "eval", "images", file));
			const drawn = async (controlScale: number) => {
				const [{ image: own }] = await pipeline.generate({
					...{ prompt, seed: 7, steps: 10 },
					controlImage: image,
					controlEdges: [100, 200],
					controlScale,
				});
				return agreement(own, image);
			};
			agreements.push(await drawn(1), await drawn(0));
		}
		const mean = (from: 0 | 1) =>
			agreements
				.filter((_, i) => i % 2 === from)
				.reduce((sum, share) => sum + share / held.length, 0);
		expect(mean(0)).toBeGreaterThan(0.4);
		expect(mean(1)).toBeLessThan(0.25);
	});
});

/** Pictures that no training has seen, under other words than their own. */
const held: readonly (readonly [file: string, prompt: string])[] = [
	["2764.png", "red apple"],
	["1f48e.png", "a red balloon"],
	["1f339.png", "tulip"],
];

/** How much more blue than red the pixels are that are not white, in 255ths. */
function blueness({ data }: RgbImage): number {
	let [sum, count] = [0, 0];
	for (let i = 0; i < data.length; i += 3) {
		if (Math.min(data[i], data[i + 1], data[i + 2]) > 235) continue;
		sum += data[i + 2] - data[i];
		count++;
	}
	return sum / count;
}

/** The harmonic mean of two shares: of a picture's edges that lie on another's or beside them, and of the other's on its own. */
function agreement(one: RgbImage, other: RgbImage): number {
	const [a, b] = [one, other].map(
		(image) => cannyEdges({ ...image, channels: 3 }, 100, 200).data,
	);
	const { width } = one;
	const near = (of: Uint8Array, on: Uint8Array) => {
		let [found, count] = [0, 0];
		for (let at = 0; at < of.length; at += 3) {
			if (of[at] === 0) continue;
			count++;
			const around = [-1, 0, 1].flatMap((dy) =>
				[-1, 0, 1].map((dx) => on[at + 3 * (dy * width + dx)]),
			);
			if (around.includes(255)) found++;
		}
		return count ? found / count : 0;
	};
	const [precision, recall] = [near(a, b), near(b, a)];
	return (2 * precision * recall) / (precision + recall || 1);
}
