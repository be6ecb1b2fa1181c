import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zipSync } from "fflate";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ScoreResult } from "../../src/evaluation/scoring/scoreRequest.js";
import { buildInception } from "../../src/models/inception.js";
import { buildLpips } from "../../src/models/lpips.js";
import { encodeSafetensors } from "../models/encodeSafetensors.js";
import { pictureBytes, randomWeights } from "../models/randomWeights.js";
import { manyRuns } from "./runProgram.js";

const clip = join(import.meta.dirname, "../models/tiny-clip");
const fdiff = manyRuns();
let root: string;

async function run(...words: string[]) {
	const ended = await fdiff(["score", ...words, "--threads", "1"], root);
	if (ended.code !== 0) throw new Error(`${ended.code}: ${ended.stderr}`);
	return ended;
}
const score = async (...words: string[]) => (await run(...words)).stdout;
const scoreJson = async (...words: string[]) =>
	JSON.parse(await score(...words, "--json")) as ScoreResult;

const picture = (seed: number) =>
	sharp(pictureBytes(48 * 40 * 3, seed), {
		raw: { width: 48, height: 40, channels: 3 },
	})
		.png()
		.toBuffer();

beforeAll(async () => {
	root = await mkdtemp(join(tmpdir(), "score-"));
	await mkdir(join(root, "fast"));
	await mkdir(join(root, "broken"));
	const archive: Record<string, Uint8Array> = {};
	for (let i = 0; i < 3; i++) {
		const bytes = await picture(i);
		await writeFile(join(root, "fast", `${i}.png`), bytes);
		await writeFile(join(root, "broken", `${i}.png`), bytes);
		archive[`plain/${i}.png`] = await picture(100 + i);
	}
	await writeFile(join(root, "broken", "x.png"), "no image");
	await writeFile(join(root, "plain.zip"), zipSync(archive));
	const rows = [0, 1, 2].map((i) => `${i}.png,"a dog, number ${i}"`);
	await writeFile(
		join(root, "captions.csv"),
		`file_name,caption\n${rows.join("\n")}\n`,
	);
	const inception = buildInception(null, ["logits"], { batch: 1 });
	await writeFile(
		join(root, "inception.safetensors"),
		encodeSafetensors(randomWeights(inception)),
	);
	const size = { batch: 1, height: 64, width: 64 };
	await writeFile(
		join(root, "lpips.safetensors"),
		encodeSafetensors(randomWeights(buildLpips("alex", null, size))),
	);
});
afterAll(() => rm(root, { recursive: true, force: true }));

describe("fdiff score", () => {
	test("FID, KID and Inception score of a folder against a zip, then against its statistics", async () => {
		const weights = [
			"--inception-weights",
			join(root, "inception.safetensors"),
		];
		const npz = join(root, "plain.npz");
		const { metrics, problems } = await scoreJson(
			...[join(root, "fast"), join(root, "plain.zip"), ...weights],
			...["--metrics", "fid,kid", "--kid-subset-size", "3"],
			...["--save-statistics", npz],
		);
		expect(problems).toEqual([]);
		const [fid, kid] = metrics;
		expect(fid).toMatchObject({
			metric: "fid",
			variant: "torch-fidelity",
			counts: [3, 3],
		});
		expect(fid.madeWith).toMatch(/Inception v3 .*TensorFlow 1 bilinear/);
		expect(fid.warnings[0]).toContain("3 images for 2048 features");
		expect(fid.value).toBeGreaterThan(0);
		expect(kid.variant).toBe("torch-fidelity, 100 subsets of 3");
		const again = await scoreJson(join(root, "fast"), npz, ...weights);
		expect(again.metrics[0].value).toBeCloseTo(fid.value, 6);
		await expect(
			score(join(root, "fast"), npz, ...weights, "--fid-variant", "clean-fid"),
		).rejects.toThrow(/TensorFlow 1 bilinear, this run uses .*Pillow/);
	});

	test("CLIP scores by both definitions, Fréchet distance of CLIP features, CMMD", async () => {
		const { metrics } = await scoreJson(
			...[join(root, "fast"), join(root, "plain.zip")],
			...["--metrics", "clip,clip-fd,cmmd", "--clip", clip],
			...["--captions", join(root, "captions.csv")],
		);
		expect(metrics.map(({ metric }) => metric)).toEqual([
			"clip",
			"clip",
			"clip-fd",
			"cmmd",
		]);
		const [percent, hessel] = metrics;
		expect(percent.variant).toContain("torchmetrics");
		expect(hessel.variant).toContain("A photo depicts");
		for (const { low, high, value } of metrics.slice(0, 2)) {
			expect(low).toBeLessThanOrEqual(value);
			expect(high).toBeGreaterThanOrEqual(value);
		}
		// this model's mean is negative, which torchmetrics makes 0
		expect(percent).toMatchObject({ value: 0, low: 0 });
		expect(percent.warnings).toEqual([
			expect.stringMatching(/^the mean of 100 cos is -\d/),
		]);
	});

	test("of one image there is no interval, and there are no statistics to store", async () => {
		const one = join(root, "one.zip");
		const other = join(root, "other.zip");
		await writeFile(one, zipSync({ "0.png": await picture(0) }));
		await writeFile(other, zipSync({ "0.png": await picture(1) }));
		const { metrics } = await scoreJson(
			...[one, other, "--metrics", "clip,psnr"],
			...["--clip", clip, "--captions", join(root, "captions.csv")],
			...["--max-broken", "1"],
		);
		expect(metrics).toHaveLength(3);
		for (const { low, high, value, counts } of metrics)
			expect([low, high, Number.isFinite(value), counts]).toEqual([
				...[undefined, undefined, true, [1]],
			]);
		const npz = join(root, "one.npz");
		await expect(
			score(
				...[one, "--save-statistics", npz],
				...["--inception-weights", join(root, "inception.safetensors")],
			),
		).rejects.toThrow(/one\.zip has a single image/);
	});

	test("captions that are longer than CLIP reads are named", async () => {
		const captions = join(root, "long.csv");
		await writeFile(
			captions,
			`file_name;caption\n0.png;${"apple ".repeat(60)}and a pear ${"apple ".repeat(60)}\n1.png;a dog\n2.png;a cat\n`,
		);
		const { stdout, stderr } = await run(
			...[join(root, "fast"), "--captions", captions, "--clip", clip],
		);
		expect(stdout).toMatch(/^clip /);
		expect(stderr).toMatch(
			/1 of 3 captions are longer than the text encoder reads; .*: "(apple )+/,
		);
	});

	test("partners have the same whole name first, then the same but for the extension; never one of two", async () => {
		const [first, second, third] = await Promise.all([7, 8, 9].map(picture));
		const jpeg = new Uint8Array(await sharp(second).jpeg().toBuffer());
		const twins = join(root, "twins.zip");
		await writeFile(twins, zipSync({ "x.png": first, "x.jpg": jpeg }));
		const psnr = ["--metrics", "psnr"];
		const same = await scoreJson(twins, twins, ...psnr);
		expect(same.metrics[0]).toMatchObject({ value: 100, counts: [2] });
		// x.png has its partner, so x.webp is x.jpg's
		const renamed = join(root, "renamed.zip");
		await writeFile(renamed, zipSync({ "x.png": first, "x.webp": jpeg }));
		const { metrics } = await scoreJson(twins, renamed, ...psnr);
		expect(metrics[0]).toMatchObject({ value: 100, counts: [2] });
		const neither = join(root, "neither.zip");
		await writeFile(neither, zipSync({ "x.webp": third }));
		await expect(score(neither, twins, ...psnr)).rejects.toThrow(
			/^1: .*x\.webp, x\.jpg, x\.png: which image belongs to which/,
		);
	});

	test("only what can be read counts as an image", async () => {
		await mkdir(join(root, "mixed"));
		await writeFile(join(root, "mixed", "a.png"), await picture(1));
		await writeFile(join(root, "mixed", "b.bmp"), "BM, a bitmap");
		const mixed = join(root, "mixed");
		const result = await scoreJson(mixed, mixed, "--metrics", "psnr");
		expect(result.problems).toEqual([]);
		expect(result.metrics[0].counts).toEqual([1]);
	});

	test("PSNR, SSIM and LPIPS of images of the same name", async () => {
		const words = [
			...["--metrics", "psnr,ssim,lpips"],
			...["--lpips-weights", join(root, "lpips.safetensors")],
		];
		const [fast, plain] = [join(root, "fast"), join(root, "plain.zip")];
		const same = await scoreJson(fast, join(root, "broken"), ...words);
		expect(same.metrics.map(({ metric, value }) => [metric, value])).toEqual([
			["psnr", 100],
			["ssim", 1],
			["lpips", 0],
		]);
		await expect(score(fast, plain, ...words)).rejects.toThrow(
			/share no image names/,
		);
		const moved = join(root, "moved.zip");
		const other = await picture(100);
		await writeFile(
			moved,
			zipSync({ "0.webp": other, "1.png": other, "2.jpg": other }),
		);
		const { metrics } = await scoreJson(fast, moved, ...words);
		// Two uniform noises: mean squared difference 255² / 6.
		expect(metrics[0].value).toBeCloseTo(10 * Math.log10(6), 0);
		expect(metrics[1].value).toBeLessThan(0.2);
		expect(metrics[2].value).toBeGreaterThan(0);
	});

	test("broken images are named and counted, too many refused", async () => {
		const words = [
			join(root, "broken"),
			"--captions",
			join(root, "captions.csv"),
			"--clip",
			clip,
		];
		await expect(score(...words)).rejects.toThrow(/1 of 4 .* x\.png/);
		const { metrics, problems } = await scoreJson(
			...words,
			"--max-broken",
			"0.3",
		);
		expect(metrics[0].counts).toEqual([3]);
		expect(problems).toContainEqual({
			what: "images that are broken",
			names: ["x.png"],
		});
	});

	test.each([
		[[], /nothing to score/],
		[["--metrics", "fid"], /--reference: fid needs one/],
		[["--metrics", "ssimm"], /"ssimm" is none of/],
		[["--metrics", "clip", "--clip", clip], /--captions: clip needs them/],
		[["none", "--metrics", "lpips"], /--lpips-weights: lpips needs two files/],
		[["x.npz", "--metrics", "kid"], /kid needs the reference's images/],
		[
			["none", "--metrics", "fid", "--batch", "0"],
			/--batch must be at least 1/,
		],
		// before an hour of work, not after it
		[
			["none", "--metrics", "fid", "--save-statistics", "."],
			/--save-statistics \. cannot be written: it is a folder/,
		],
		[
			["none", "--metrics", "fid", "--save-statistics", "captions.csv/a.npz"],
			/--save-statistics captions\.csv\/a\.npz cannot be written/,
		],
	])("%j is refused in one line", async (words, message) => {
		await expect(score(join(root, "fast"), ...words)).rejects.toThrow(message);
	});

	test("lines for people", async () => {
		const text = await score(
			join(root, "fast"),
			"--captions",
			join(root, "captions.csv"),
			"--clip",
			clip,
			"--quiet",
		);
		expect(text).toMatch(
			/^clip {4}\d[\d.]* \[.*\] {2}torchmetrics \(100 cos\); 3 images; CLIP .*tiny-clip \(weights [0-9a-f]{10}\)\n/,
		);
	});
});
