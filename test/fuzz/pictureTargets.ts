import { decodePicture } from "../../src/datasets/nodePicture.js";
import { crc32 } from "../../src/files/crc32.js";
import { encodeImage } from "../../src/image/nodeEncodeImage.js";
import { decodeImage } from "../../src/image/nodeImageFile.js";
import { parametersOf } from "../../src/image/pictureParameters.js";
import { insertPngText } from "../../src/image/pngText.js";
import { optionsFromParameters } from "../../src/pipeline/imageParameters.js";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import { DEFAULT_LIMITS } from "../../src/server/limits.js";
import { optionsOfJson } from "../../src/server/requestOptions.js";
import { jsonText, mutatedBytes, mutatedJson, mutatedText } from "./mutate.js";
import type { Random } from "./random.js";
import { target, tinySd } from "./target.js";

const PARAMETERS = [
	"a red apple (b:1.2)\nNegative prompt: bad\nSteps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 5, Size: 64x64, Model hash: 0123456789, Model: m, Clip skip: 2, Version: v1.2",
	'a <lora:b:1>\nSteps: 20, Sampler: "Eu\\"ler, a", CFG scale: 7.5, Seed: 18446744073709551615, Size: 512x512, RNG: CPU, Eta: 0.5, ENSD: 31337, Denoising strength: 0.7, Lora hashes: "b: abc"',
	'a\nSteps: 4, Sampler: Euler, CFG scale: 7, Seed: 1, Size: 64x64, Key steps: "0,2@1", Noise injection: 0.003, Scheduler config: "{\\"beta_end\\": 0.02}", Version: faster-diffusion 0.1.0',
	'a\nSteps: 4, Sampler: Euler, CFG scale: 7, Seed: 1, Size: 64x64, ControlNet 0: "Module: canny, Model: m, Weight: 0.5, Threshold A: 100, Threshold B: 200, Guidance Start: 0, Guidance End: 0.8, Control Mode: Balanced", ControlNet 1: "Module: none, Model: n, Weight: 1"',
	'a <lora:b:0.5>\nSteps: 4, Sampler: Euler, CFG scale: 7, Seed: 1, Size: 64x64, Denoising strength: 0.6, Init image: given, Mask: given, Mask blur: 4, Masked content: latent noise, Inpaint area: Only masked, Masked area padding: 32, Resize mode: Just resize, Background: #102030, TI hashes: "c: def", VAE: v',
	"a\nSteps: 4, Sampler: Euler, CFG scale: 7, Seed: 1, Size: 64x64, Denoising strength: 0.6, Hires upscale: 2, Hires upscaler: Latent, Key steps: times:900/500/100/1, Schedule type: Uniform",
];

/** Chunks with the checksums that they ought to have: else nothing behind them is read. */
function mendedPng(png: Uint8Array): Uint8Array {
	const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
	for (let at = 8; at + 12 <= png.length; ) {
		const length = view.getUint32(at);
		if (at + 12 + length > png.length) break;
		view.setUint32(
			at + 8 + length,
			crc32(png.subarray(at + 4, at + 8 + length)),
		);
		at += 12 + length;
	}
	return png;
}

const picture = {
	width: 8,
	height: 8,
	data: Uint8Array.from({ length: 192 }, (_, i) => i),
};

/** The work of a target that reads pictures' bytes: what they say and, of some, what they show. */
const reading = (made: (random: Random) => Uint8Array) => ({
	make: (random: Random) => ({
		bytes: made(random),
		decoded: random.chance(0.1),
	}),
	run: async ({ bytes, decoded }: { bytes: Uint8Array; decoded: boolean }) => {
		if (decoded) {
			await decodePicture(bytes, "f");
			await decodeImage(bytes, "f");
		}
		const text = await parametersOf(bytes, "f");
		if (text !== undefined) optionsFromParameters(text);
	},
});

export const pictureTargets = [
	target("png", async () => {
		const plain = await encodeImage(picture, "png", {
			parameters: PARAMETERS[0],
		});
		const whole = [
			plain,
			insertPngText(plain, "parameters", `${PARAMETERS[1]}é`),
		];
		return reading((random) => {
			const bytes = mutatedBytes(random.pick(whole), random);
			return random.chance(0.6) ? mendedPng(bytes) : bytes;
		});
	}),
	target("jpeg-webp", async () => {
		const whole = await Promise.all(
			(["jpeg", "webp"] as const).map((format) =>
				encodeImage(picture, format, { parameters: PARAMETERS[0] }),
			),
		);
		return reading((random) => mutatedBytes(random.pick(whole), random));
	}),
	target("parameters", async () => {
		const pipeline = await loadPipeline(tinySd, { threads: 1 });
		return {
			make: (random) => mutatedText(random.pick(PARAMETERS), random),
			run: (text) => {
				const { options } = optionsFromParameters(text);
				pipeline.settings(options);
			},
		};
	}),
	target("request", async () => {
		const pipeline = await loadPipeline(tinySd, { threads: 1 });
		const png = await encodeImage(picture, "png");
		const request = {
			...{ prompt: "a cup", steps: 3, seed: "7", width: 64, height: 64 },
			...{ sampler: "euler", keySteps: "uniform:2", guidanceScale: 5 },
			...{ numImages: 2, strength: 0.5, negativePrompt: "" },
		};
		return {
			make: (random) => ({
				text: jsonText(mutatedJson(request, random), random),
				initImage: random.chance(0.3)
					? Buffer.from(mutatedBytes(png, random)).toString("base64")
					: undefined,
			}),
			run: async ({ text, initImage }) => {
				let json: unknown;
				try {
					json = JSON.parse(text);
				} catch {
					return;
				}
				if (typeof json !== "object" || json === null) return;
				const options = await optionsOfJson(
					{ ...json, initImage },
					DEFAULT_LIMITS,
				);
				pipeline.settings(options as Parameters<typeof pipeline.settings>[0]);
			},
		};
	}),
];
