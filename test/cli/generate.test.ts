import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readImage, readParameters } from "../../src/image/nodeImageFile.js";
import { decodeNpy } from "../../src/tensor/npy.js";
import {
	done,
	emptyFolder,
	fdiff,
	fdiffDone,
	jsonLines,
	listing,
	manyRuns,
	quick,
	root,
	tinySd,
} from "./runProgram.js";

const run = manyRuns();
const runDone = async (words: readonly string[], cwd: string) =>
	done(await run(words, cwd));

const npy = (path: string) => decodeNpy(readFileSync(path), path);

test("a prompt alone draws with the embedded model into the current folder", async () => {
	const folder = emptyFolder();
	const { stdout, stderr } = await fdiffDone(
		["a Red apple!", "--steps", "2", "--seed", "9"],
		folder,
	);
	expect(listing(folder)).toEqual(["a-red-apple-9.png"]);
	expect(stdout).toBe("");
	expect(stderr).toMatch(
		/a-red-apple-9\.png {2}seed 9, dpm-solver\+\+ 2 steps/,
	);
	const { width, height } = await readImage(join(folder, "a-red-apple-9.png"));
	expect([width, height]).toEqual([128, 128]);
});

test("--json prints one object an image on stdout and nothing else; several images take seeds one after another", async () => {
	const folder = emptyFolder();
	const ended = await fdiffDone(
		[
			"generate",
			"apple",
			...quick,
			"--num-images",
			"2",
			"--output",
			"apples/deep",
			"--json",
		],
		folder,
	);
	const lines = jsonLines(ended);
	expect(lines).toHaveLength(2);
	expect(lines[0]).toMatchObject({
		event: "image",
		file: join("apples", "deep", "apple-5.png"),
		index: 0,
		seed: "5",
		prompt: "apple",
		width: 64,
		height: 64,
		sampler: "dpm-solver++",
		steps: 3,
		plan: "all",
		keySteps: [0, 1, 2],
		evaluations: 3,
		encoderRuns: 3,
		engine: "onnxruntime",
		precision: "float32",
	});
	expect(lines[1]).toMatchObject({ seed: "6", index: 1 });
	expect(Number(lines[0].flops)).toBeGreaterThan(0);
	expect(listing(join(folder, "apples", "deep"))).toEqual([
		"apple-5.png",
		"apple-6.png",
	]);
});

test("--quiet says nothing; extensions choose the format; several images put their seed behind the name", async () => {
	const folder = emptyFolder();
	for (const words of [
		["--output", "one.jpg"],
		["--output", "some.webp", "--num-images", "2", "--batch-size", "2"],
		["--output", "UPPER.PNG", "--sampler", "euler-a"],
	])
		expect(
			await runDone(["apple", ...quick, "--quiet", ...words], folder),
		).toMatchObject({
			stdout: "",
			stderr: "",
		});
	expect(listing(folder)).toEqual([
		"UPPER.PNG",
		"one.jpg",
		"some-5.webp",
		"some-6.webp",
	]);
	const magic = (name: string) =>
		readFileSync(join(folder, name)).toString("latin1", 0, 12);
	expect(magic("one.jpg").slice(0, 2)).toBe("\u00ff\u00d8");
	expect(magic("some-5.webp").slice(8)).toBe("WEBP");
	expect(magic("UPPER.PNG").slice(1, 4)).toBe("PNG");
	for (const name of listing(folder))
		expect(await readParameters(join(folder, name))).toMatch(
			/^apple\n.*Steps: 3/s,
		);
});

test("--from-image makes the same file again, byte by byte, and flags win", async () => {
	const folder = emptyFolder();
	await runDone(
		[
			...["a (red) apple, on a table", ...quick, "--output", "first.png"],
			...["--sampler", "DPM++ 2M Karras", "--steps", "6", "--key-steps", "0,2"],
			...[
				"--negative-prompt",
				"blurry",
				"--guidance-scale",
				"4.5",
				"--inject-noise",
				"0.01",
			],
		],
		folder,
	);
	const from = ["--model", tinySd, "--from-image", "first.png"];
	await runDone(["generate", ...from, "--output", "second.png"], folder);
	const bytes = (name: string) => readFileSync(join(folder, name));
	expect(bytes("second.png").equals(bytes("first.png"))).toBe(true);
	await runDone(
		["generate", ...from, "--output", "third.png", "--seed", "6"],
		folder,
	);
	expect(await readParameters(join(folder, "third.png"))).toMatch(
		/^a \(red\) apple, on a table\nNegative prompt: blurry\n.*Seed: 6/s,
	);
	// the model is not the embedded one, and it is not named
	const { code, stderr } = await run(
		["generate", "--from-image", "first.png", "--output", "x.png"],
		folder,
	);
	expect([code, stderr]).toEqual([
		2,
		expect.stringMatching(
			/^fdiff: --from-image first\.png: made with the model .*tiny-sd.*--model\n$/,
		),
	]);
	expect(listing(folder)).toEqual(["first.png", "second.png", "third.png"]);
});

test("latents are saved, and initial latents given back make the same image", async () => {
	const folder = emptyFolder();
	await runDone(
		[
			...["apple", ...quick, "--num-images", "2", "--output", "a.png"],
			...["--save-latents", "final.npy", "--save-initial-noise", "noise.npy"],
		],
		folder,
	);
	await runDone(
		[
			"apple",
			...quick,
			"--initial-noise",
			"noise.npy",
			"--output",
			"b.png",
			"--save-latents",
			"again.npy",
		],
		folder,
	);
	expect(listing(folder)).toEqual([
		"a-5.png",
		"a-6.png",
		"again.npy",
		"b-5.png",
		"b-6.png",
		"final.npy",
		"noise.npy",
	]);
	const final = npy(join(folder, "final.npy"));
	expect(final.dims).toEqual([2, 4, 8, 8]);
	expect(npy(join(folder, "noise.npy")).dims).toEqual([2, 4, 8, 8]);
	expect(npy(join(folder, "again.npy"))).toEqual(final);
	const { code, stderr } = await run(
		["generate", "--model", tinySd, "--from-image", "b-5.png"],
		folder,
	);
	expect([code, stderr]).toEqual([
		2,
		expect.stringMatching(
			/--from-image b-5\.png: made from noise that was given.*--initial-noise/,
		),
	]);
});

test("key steps as words, lists and plan files", async () => {
	const folder = emptyFolder();
	writeFileSync(
		join(folder, "plan.json"),
		'{"sampler":"ddim","steps":6,"keySteps":[0,1,4],"injectNoise":0}',
	);
	const draw = async (...words: string[]) =>
		jsonLines(
			await runDone(
				[
					"apple",
					"--model",
					tinySd,
					"--width",
					"64",
					"--height",
					"64",
					"--seed",
					"1",
					"--json",
					"--quiet",
					"--output",
					"x.png",
					...words,
				],
				folder,
			),
		)[0];
	expect(await draw("--steps", "6", "--key-steps", "all")).toMatchObject({
		keySteps: [0, 1, 2, 3, 4, 5],
		injectNoise: 0,
	});
	expect(await draw("--steps", "6", "--key-steps", "uniform:4")).toMatchObject({
		keySteps: [0, 4],
		encoderRuns: 2,
		evaluations: 6,
		injectNoise: 0.003,
	});
	expect(
		await draw("--steps", "4", "--key-steps", "deepcache:2"),
	).toMatchObject({ keySteps: [0, 2] });
	expect(
		await draw("--steps", "6", "--key-steps", "0,3@1:log-snr"),
	).toMatchObject({ keySteps: [0, 3], plan: "0,3@1:log-snr" });
	expect(await draw("--key-steps", "plan.json")).toMatchObject({
		sampler: "ddim",
		steps: 6,
		keySteps: [0, 1, 4],
		injectNoise: 0,
	});
});

test("a stochastic sampler with reused features is warned of", async () => {
	const folder = emptyFolder();
	const { stderr } = await runDone(
		["apple", ...quick, "--sampler", "euler-a", "--key-steps", "0"],
		folder,
	);
	expect(stderr).toMatch(/^warning: the sampler euler-a .*key steps "all"$/m);
});

test("Ctrl-C keeps finished images, leaves nothing half-written, and exits with 130", async () => {
	const folder = emptyFolder();
	const { code, stderr, stdout } = await fdiff(
		[
			"apple",
			...quick,
			"--steps",
			"40",
			"--num-images",
			"20",
			"--json",
			"--output",
			"apples",
			"--save-latents",
			"done.npy",
		],
		folder,
		(child) => child.stdout?.once("data", () => child.kill("SIGINT")),
	);
	expect(code).toBe(130);
	expect(stderr).toMatch(/^fdiff: interrupted$/m);
	const files = listing(folder);
	const images = jsonLines({ code, stderr, stdout }).map(({ file }) =>
		String(file),
	);
	expect(images.length).toBeLessThan(20);
	expect(files).toEqual(["apples", ...images, "done.npy"].sort());
	expect(npy(join(folder, "done.npy")).dims[0]).toBe(images.length);
	for (const file of images) await readImage(join(folder, file));
});

test("the whole is what its version says", async () => {
	const { version } = JSON.parse(
		readFileSync(join(root, "package.json"), "utf8"),
	) as { version: string };
	expect((await fdiffDone(["--version"], root)).stdout).toBe(`${version}\n`);
});

test("a reader of stdout that has enough ends the run without a word", async () => {
	const folder = emptyFolder();
	const { code, stderr } = await fdiff(
		["apple", ...quick, "--num-images", "30", "--quiet", "--json"],
		folder,
		(child) => child.stdout?.once("data", () => child.stdout?.destroy()),
	);
	expect([code, stderr]).toEqual([141, ""]);
	expect(listing(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
	expect(listing(folder).length).toBeLessThan(30);
});

test("with a quality and weights that no plan was tuned on it draws a general plan, says so, and draws it again from the picture", async () => {
	const folder = emptyFolder();
	const { stderr } = await fdiffDone(
		[
			...["apple", "--model", tinySd, "--steps", "20", "--seed", "5"],
			...["--quality", "fast", "--output", "first.png"],
		],
		folder,
	);
	expect(stderr).toMatch(
		/dpm-solver\+\+ \d+ steps of a general plan for 20 \(quality fast\), never measured on such a run of these weights/,
	);
	await fdiffDone(
		["--from-image", "first.png", "--model", tinySd, "--output", "again.png"],
		folder,
	);
	const [first, again] = await Promise.all(
		["first.png", "again.png"].map((name) => readImage(join(folder, name))),
	);
	expect(again.data).toEqual(first.data);
});
