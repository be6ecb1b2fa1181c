import fc from "fast-check";
import { expect, test } from "vitest";
import { UserError } from "../../src/errors/userError.js";
import {
	type GenerationSettings,
	parseGenerationSettings,
	writeGenerationSettings,
} from "../../src/image/generationSettings.js";
import { parseInfotext, writeInfotext } from "../../src/image/infotext.js";

test("a text of A1111", () => {
	const text = `masterpiece, a bowl of (ramen:1.3), steam: hot
second line
Negative prompt: lowres, bad "quality"
blurry
Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.5, Seed: 3141592653, Size: 512x768, Model hash: 6ce0161689, Model: v1-5-pruned-emaonly, Denoising strength: 0.7, Clip skip: 2, Hires upscale: 2, Hires upscaler: Latent, Lora hashes: "a: 0123, b: 4567", TI hashes: "x: \\"y\\"", Version: v1.9.4`;
	const settings = parseGenerationSettings(text);
	expect(settings).toEqual({
		prompt: "masterpiece, a bowl of (ramen:1.3), steam: hot\nsecond line",
		negativePrompt: 'lowres, bad "quality"\nblurry',
		steps: 20,
		sampler: "DPM++ 2M",
		scheduleType: "Karras",
		guidanceScale: 7.5,
		seed: 3141592653n,
		width: 512,
		height: 768,
		modelHash: "6ce0161689",
		model: "v1-5-pruned-emaonly",
		clipSkip: 2,
		rng: "cuda",
		version: "v1.9.4",
		others: new Map([
			["Denoising strength", "0.7"],
			["Hires upscale", "2"],
			["Hires upscaler", "Latent"],
			["Lora hashes", "a: 0123, b: 4567"],
			["TI hashes", 'x: "y"'],
		]),
	});
});

test("what we write is what A1111 writes, with our keys before the version", () => {
	expect(
		writeGenerationSettings({
			prompt: "a bowl of ramen",
			negativePrompt: "blurry",
			steps: 50,
			sampler: "DDIM",
			guidanceScale: 7.5,
			seed: 2n ** 63n - 1n,
			width: 512,
			height: 512,
			modelHash: "0123456789",
			model: "tiny",
			rng: "cpu",
			keySteps: "0, 1, 2, 3, 5",
			noiseInjection: 0.003,
			injectUntil: 0.5,
			version: "faster-diffusion 0.1.0",
		}),
	).toBe(`a bowl of ramen
Negative prompt: blurry
Steps: 50, Sampler: DDIM, CFG scale: 7.5, Seed: 9223372036854775807, Size: 512x512, Model hash: 0123456789, Model: tiny, RNG: CPU, Key steps: "0, 1, 2, 3, 5", Noise injection: 0.003, Inject until: 0.5, Version: faster-diffusion 0.1.0`);
});

test("a last line with fewer than three settings is prompt", () => {
	const text = "a cat\nstyle: oil, mood: calm";
	expect(parseInfotext(text)).toEqual({
		prompt: text,
		negativePrompt: "",
		settings: new Map(),
	});
	expect(parseInfotext("")).toEqual({
		prompt: "",
		negativePrompt: "",
		settings: new Map(),
	});
});

test("values that are no numbers are left out", () => {
	const settings = parseGenerationSettings(
		"x\nSteps: many, Seed: 0x10, Size: 512 x 512, CFG scale: 1e999999, RNG: NV",
	);
	expect(settings).toEqual({ prompt: "x", rng: "cuda", others: new Map() });
});

const line = fc.string({ unit: "grapheme" });
const prompt = fc.oneof(
	line,
	fc.array(line, { maxLength: 4 }).map((lines) => lines.join("\n")),
	fc.constantFrom(
		"Negative prompt: not one",
		" spaces ",
		"a\n\nb",
		"\n",
		"a: 1, b2: 2, cc: 3",
		"Steps: 20, Sampler: x, Seed: 1\n",
		"a\r\nb",
		'"quoted"',
	),
);
const value = fc.oneof(
	line,
	fc.constantFrom(
		'"',
		'""',
		"\\",
		"a, b",
		"a: b",
		"a\nb",
		' "x" ',
		'"a\\"',
		",",
	),
);
const key = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_ /-]{1,20}$/);

test("any prompt and settings are read back as they were written", () => {
	fc.assert(
		fc.property(
			prompt,
			prompt,
			fc.uniqueArray(fc.tuple(key, value), {
				selector: ([name]) => name,
				minLength: 3,
				maxLength: 8,
			}),
			(positive, negative, entries) => {
				const written = {
					prompt: positive,
					negativePrompt: negative,
					settings: new Map(entries),
				};
				expect(parseInfotext(writeInfotext(written))).toEqual(written);
			},
		),
		{ numRuns: 5000 },
	);
});

test("any settings of ours are read back as they were written", () => {
	const text = fc.string({ minLength: 1 });
	const number = fc.double({ noNaN: true, noDefaultInfinity: true });
	const side = fc.integer({ min: 8, max: 8192 });
	fc.assert(
		fc.property(
			fc.record(
				{
					prompt,
					negativePrompt: text,
					steps: fc.integer({ min: 1, max: 1000 }),
					sampler: text,
					scheduleType: text,
					guidanceScale: number,
					seed: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
					width: side,
					height: side,
					modelHash: text,
					model: text,
					eta: number,
					clipSkip: fc.nat(12),
					rng: fc.constantFrom("cpu" as const, "cuda" as const),
					keySteps: text,
					noiseInjection: number,
					injectUntil: number,
					version: text,
					others: fc.constant(new Map([["Another key", "a, b"]])),
				},
				{
					requiredKeys: ["prompt", "rng", "others", "width", "height", "steps"],
				},
			),
			(settings: GenerationSettings) => {
				const back = parseGenerationSettings(writeGenerationSettings(settings));
				// Numbers are kept as text, which has no negative zero.
				const plain = Object.fromEntries(
					Object.entries(settings).map(([name, entry]) => [
						name,
						Object.is(entry, -0) ? 0 : entry,
					]),
				);
				expect(back).toEqual(plain);
			},
		),
		{ numRuns: 2000 },
	);
});

test.each([
	["letters without a colon", "a".repeat(1 << 20)],
	["words without a colon", "ab ".repeat(1 << 18)],
	["open quotes", 'ab:"'.repeat(1 << 17)],
	["backslashes", `ab: "${"\\".repeat(1 << 19)}`],
	["colons", "ab:".repeat(1 << 18)],
	["newlines", "\n".repeat(1 << 20)],
	["spaces after a colon", `ab:${" ".repeat(1 << 19)}`],
])("a megabyte of %s is read to the end", (_, text) => {
	expect(parseInfotext(text).settings.size).toBeLessThan(3);
});

test("a longer text is refused", () => {
	expect(() => parseInfotext("a".repeat((1 << 20) + 1))).toThrow(UserError);
});

test("keys that would not be read back are refused", () => {
	const settings = new Map([
		["a:b", "1"],
		["bb", "2"],
		["cc", "3"],
	]);
	expect(() =>
		writeInfotext({ prompt: "", negativePrompt: "", settings }),
	).toThrow(RangeError);
});
