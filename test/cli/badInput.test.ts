import { spawnSync } from "node:child_process";
import {
	copyFileSync,
	cpSync,
	mkdirSync,
	readFileSync,
	rmSync,
	symlinkSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { insertPngText } from "../../src/image/pngText.js";
import {
	type Ended,
	emptyFolder,
	fdiff,
	listing,
	manyRuns,
	quick,
	root,
	tinySd,
} from "./runProgram.js";

const folder = emptyFolder();
const run = manyRuns();
const single = join(root, "test/models/tiny-sd.single.safetensors");
const unet = join("unet", "diffusion_pytorch_model.safetensors");

/** A copy of the tiny model in which one thing is wrong. */
function brokenModel(name: string, breakIt: (model: string) => void): void {
	const model = join(folder, name);
	cpSync(tinySd, model, { recursive: true });
	breakIt(model);
}

/** Rewrites a JSON file. */
function edit(
	path: string,
	change: (json: Record<string, unknown>) => void,
): void {
	const json = JSON.parse(readFileSync(path, "utf8")) as Record<
		string,
		unknown
	>;
	change(json);
	writeFileSync(path, JSON.stringify(json));
}

/** Rewrites the header of a safetensors file; the data stays. */
function editHeader(
	path: string,
	change: (header: Record<string, unknown>) => void,
): void {
	const file = readFileSync(path);
	const length = Number(file.readBigUInt64LE(0));
	const header = JSON.parse(file.toString("utf8", 8, 8 + length)) as Record<
		string,
		unknown
	>;
	change(header);
	const text = Buffer.from(JSON.stringify(header));
	const start = Buffer.alloc(8);
	start.writeBigUInt64LE(BigInt(text.length));
	writeFileSync(path, Buffer.concat([start, text, file.subarray(8 + length)]));
}

beforeAll(() => {
	writeFileSync(join(folder, "a-file"), "not a model");
	writeFileSync(join(folder, "note.json"), '{"hello": 1}');
	writeFileSync(join(folder, "broken.json"), "{");
	writeFileSync(join(folder, "plan.json"), '{"steps":10,"keySteps":[0,5]}');
	writeFileSync(join(folder, "far.json"), '{"steps":4,"keySteps":[0,9]}');
	writeFileSync(join(folder, "wrong.npy"), "no array");
	writeFileSync(join(folder, "model.ckpt"), "pickle");
	writeFileSync(join(folder, "empty.safetensors"), "");
	writeFileSync(join(folder, "latin.txt"), Buffer.from("caf\xe9", "latin1"));
	copyFileSync(
		join(root, "test/golden/pictures/plain.png"),
		join(folder, "plain.png"),
	);
	writeFileSync(
		join(folder, "empty.png"),
		insertPngText(readFileSync(join(folder, "plain.png")), "parameters", ""),
	);
	writeFileSync(
		join(folder, "made.png"),
		insertPngText(
			readFileSync(join(folder, "plain.png")),
			"parameters",
			"an apple\nSteps: 4",
		),
	);
	mkdirSync(join(folder, "is-a-folder.npy"));
	mkdirSync(join(folder, "empty-folder"));
	symlinkSync("loop", join(folder, "loop"));
	brokenModel("truncated", (model) => truncateSync(join(model, unet), 5000));
	brokenModel("no-weights", (model) => {
		rmSync(join(model, unet));
		rmSync(join(model, unet.replace(".safetensors", ".fp16.safetensors")));
	});
	brokenModel("bad-json", (model) =>
		writeFileSync(join(model, "unet/config.json"), "{"),
	);
	brokenModel("bad-block", (model) =>
		edit(join(model, "unet/config.json"), (config) => {
			config.down_block_types = [
				"MagicBlock2D",
				"MagicBlock2D",
				"MagicBlock2D",
				"MagicBlock2D",
			];
		}),
	);
	brokenModel("no-tensor", (model) =>
		editHeader(join(model, unet), (header) => {
			const name = "mid_block.resnets.0.conv1.weight";
			header[`${name}s`] = header[name];
			delete header[name];
		}),
	);
	brokenModel("wrong-shape", (model) =>
		edit(join(model, "unet/config.json"), (config) => {
			config.cross_attention_dim = 48;
		}),
	);
	brokenModel("bad-offsets", (model) =>
		editHeader(join(model, unet), (header) => {
			(header["conv_in.weight"] as { data_offsets: number[] }).data_offsets = [
				0, 1e12,
			];
		}),
	);
	brokenModel("huge-header", (model) => {
		const path = join(model, unet);
		const file = readFileSync(path);
		file.writeBigUInt64LE(2n ** 62n);
		writeFileSync(path, file);
	});
	brokenModel("bad-vocabulary", (model) =>
		writeFileSync(join(model, "tokenizer/vocab.json"), '{"a": -1}'),
	);
	brokenModel("no-tokenizer", (model) =>
		rmSync(join(model, "tokenizer"), { recursive: true }),
	);
	brokenModel("other-kind", (model) =>
		edit(join(model, "unet/config.json"), (config) => {
			config.addition_embed_type = "text_time";
		}),
	);
});

/** One clear line on stderr, an exit code, nothing on stdout, nothing written. */
async function refused(
	words: readonly string[],
	code: number,
	line: RegExp,
	by: (words: readonly string[], cwd: string) => Promise<Ended> = run,
): Promise<void> {
	const before = listing(folder);
	const ended = await by(words, folder);
	expect(ended.stderr).toMatch(/^fdiff: [^\n]+\n$/);
	expect(ended.stderr).toMatch(line);
	expect(ended.stderr).not.toMatch(/undefined|\[object|Error:|FDIFF_DEBUG/);
	expect(ended.stdout).toBe("");
	expect(ended.code).toBe(code);
	expect(listing(folder)).toEqual(before);
}

const draw = (...words: string[]) => ["apple", ...quick, "--quiet", ...words];
const drawWith = (model: string, ...words: string[]) =>
	draw("--model", model, ...words);

test.each<[string, string[], number, RegExp]>([
	["a flag", draw("--steps", "0"), 2, /--steps: 0/],
	["the model", drawWith("bad-json"), 1, /bad-json.*unet\/config\.json/],
	[
		"weights that are read while it draws",
		drawWith("wrong-shape", "--output", "new/"),
		1,
		/attn2\.to_k\.weight/,
	],
])(
	"a process ends by itself for what is wrong with %s",
	(_, words, code, line) => refused(words, code, line, fdiff),
);

describe("wrong usage ends with one line and exit code 2", () => {
	test.each<[string, string[], RegExp]>([
		[
			"an unknown flag",
			draw("--stesp", "3"),
			/unknown option '--stesp'.*--steps/,
		],
		[
			"an unknown flag of compare",
			["compare", "x", "--num-images", "2"],
			/unknown option '--num-images'/,
		],
		[
			"an unknown sampler",
			draw("--sampler", "eulr"),
			/--sampler.*"eulr".*did you mean euler\?/,
		],
		[
			"a sampler like none",
			draw("--sampler", "foo"),
			/^fdiff: --sampler: unknown sampler "foo"; there are ddim, /,
		],
		[
			"an unknown sampler in a method",
			["evaluate", "--protocol", "smoke-2", "--methods", "foo-2", "--out", "x"],
			/^fdiff: --methods: foo-2: unknown sampler "foo"/,
		],
		[
			"a tokenizer in a folder without one",
			drawWith(single, "--config", tinySd, "--tokenizer", "empty-folder"),
			/^fdiff: --tokenizer: empty-folder has no tokenizer: vocab\.json/,
		],
		[
			"a share over 1",
			["evaluate", "--protocol", "smoke-2", "--limit", "2", "--out", "x"],
			/^fdiff: --limit: 2 is not between 0 and 1/,
		],
		[
			"fewer than no images to keep",
			[
				"evaluate",
				"--protocol",
				"smoke-2",
				"--keep-images",
				"-1",
				"--out",
				"x",
			],
			/^fdiff: --keep-images: "-1" is less than 0/,
		],
		[
			"control nets of an evaluation",
			["evaluate", "--protocol", "smoke-2", "--controlnet", "x", "--out", "x"],
			/unknown option '--controlnet'/,
		],
		[
			"a plan of an analysis, which runs plainly and by the paper's",
			["analyze", "a", "--key-steps", "paper", "--out", "x"],
			/unknown option '--key-steps'/,
		],
		[
			"a port that is none",
			["serve", "--port", "99999"],
			/^fdiff: --port: 99999/,
		],
		[
			"an image in place of a folder of images",
			["score", "plain.png", "plain.png", "--metrics", "psnr"],
			/^fdiff: plain\.png is one image: give the folder/,
		],
		[
			"configs in a folder that is not there",
			drawWith(single, "--config", "no-configs"),
			/^fdiff: --config: no-configs cannot be read: there is no such file or folder/,
		],
		[
			"configs in a folder without any",
			drawWith(single, "--config", "empty-folder"),
			/^fdiff: --config: empty-folder\/unet\/config\.json is missing: give a diffusers folder/,
		],
		[
			"a tokenizer in a folder that is not there",
			drawWith(single, "--tokenizer", "no-tokens"),
			/^fdiff: --tokenizer: no-tokens cannot be read: there is no such file or folder/,
		],
		[
			"an unknown device",
			draw("--device", "toaster"),
			/--device: "toaster" is not one of cpu, cuda/,
		],
		[
			"an unknown schedule",
			draw("--schedule", "karas"),
			/--schedule: "karas".*karras/,
		],
		[
			"a width that 8 does not divide",
			draw("--width", "65"),
			/--width: 65 is not divisible by 8; use 64 or 72/,
		],
		["a height that 8 does not divide", draw("--height", "3"), /--height: 3/],
		["no steps", draw("--steps", "0"), /--steps: 0 .*1 to 1000/],
		["too many steps", draw("--steps", "1001"), /--steps: 1001 .*1 to 1000/],
		[
			"half a step",
			draw("--steps", "2.5"),
			/--steps: "2.5" is not a whole number from 1 to 1000/,
		],
		[
			"steps in words",
			draw("--steps", "many"),
			/--steps: "many" is not a whole number/,
		],
		[
			"a seed that is no integer",
			draw("--seed", "1.5"),
			/--seed: "1.5" is not an integer/,
		],
		[
			"a seed over 64 bits",
			draw("--seed", "18446744073709551616"),
			/--seed.*64 bits/,
		],
		["no images", draw("--num-images", "0"), /--num-images: 0/],
		[
			"guidance that is no number",
			draw("--guidance-scale", "high"),
			/--guidance-scale: "high" is not a number from 0 to 100/,
		],
		[
			"guidance beyond its range",
			draw("--guidance-scale", "-3"),
			/--guidance-scale: -3/,
		],
		[
			"injection beyond its range",
			draw("--inject-noise", "2"),
			/--inject-noise: 2/,
		],
		[
			"a quality beside a plan",
			draw("--key-steps", "paper", "--quality", "fast"),
			/--quality: it chooses a plan, and --key-steps paper names one/,
		],
		[
			"two qualities",
			draw("--key-steps", "auto:fast", "--quality", "high"),
			/--quality: it chooses a plan/,
		],
		[
			"a quality for a picture that brings its plan",
			["--from-image", "made.png", "--quality", "fast"],
			/--quality: the picture brings its own plan; give --key-steps auto/,
		],
		[
			"an index beyond the run",
			draw("--key-steps", "0,3"),
			/--key-steps: 0,3: key step 3 is out of range.*0 to 2/,
		],
		[
			"indices out of order",
			draw("--key-steps", "0,2,1"),
			/--key-steps: .*ascending/,
		],
		[
			"a plan without step 0",
			draw("--key-steps", "1,2"),
			/--key-steps: 1,2: step 0 must be a key step/,
		],
		[
			"words that are no plan",
			draw("--key-steps", "often"),
			/--key-steps: "often" is no plan/,
		],
		[
			"a plan file for other steps",
			draw("--key-steps", "plan.json"),
			/--key-steps: this plan file is for 10 steps, not 3/,
		],
		[
			"a plan file with an index out of range",
			draw("--steps", "4", "--key-steps", "far.json"),
			/key step 9 is out of range/,
		],
		[
			"a plan file that is not there",
			draw("--key-steps", "none.json"),
			/--key-steps: none\.json does not exist/,
		],
		[
			"a plan file that is no JSON",
			draw("--key-steps", "broken.json"),
			/broken\.json is no valid JSON: /,
		],
		[
			"more up layers than the model has",
			draw("--key-steps", "deepcache:2:40"),
			/--key-steps: outer:40: this model's UNet has \d+ up layers/,
		],
		[
			"a plan whose times do not decrease",
			draw("--key-steps", "times:999/500/500"),
			/--key-steps: times: timesteps must decrease/,
		],
		[
			"a plan file that is no plan",
			draw("--key-steps", "note.json"),
			/note\.json is no plan file: steps is missing/,
		],
		[
			"an output of an unknown format",
			draw("--output", "x.gif"),
			/x\.gif.*\.png, \.jpg, \.jpeg, \.webp/,
		],
		[
			"threads below one",
			draw("--threads", "0"),
			/--threads: 0 is not a whole number from 1/,
		],
		[
			"more text layers left out than there are",
			draw("--clip-skip", "3"),
			/--clip-skip: 3 is not a whole number from 0 to 2/,
		],
		["no prompt", ["generate", ...quick], /nothing to draw: give a prompt/],
		[
			"no prompt to compare",
			["compare", ...quick],
			/missing required argument 'prompt'/,
		],
		[
			"a prompt in pieces",
			["a", "bowl", "of", "ramen"],
			/too many arguments.*in quotes/,
		],
		[
			"a command with a slip of the pen",
			["modles", "list"],
			/unknown command 'modles' \(did you mean models\?\)/,
		],
		[
			"a command behind a flag",
			["--quiet", "compare", "a red apple"],
			/a command comes before its flags: fdiff compare/,
		],
		[
			"no steps, into a folder that is called as a command is",
			["--output", "models", "apple", "--steps", "0"],
			/--steps: 0 .*1 to 1000/,
		],
		[
			"a flag without its value",
			["apple", "--steps"],
			/--steps <n>: its value is missing/,
		],
		[
			"captions that are no text",
			["analyze", "--captions", "latin.txt", "--out", "an", ...quick],
			/--captions: latin\.txt is no text in UTF-8/,
		],
		["a sampler without a name", draw("--sampler", ""), /--sampler: unknown/],
		["an output without a name", draw("--output", ""), /--output names no/],
		[
			"latents into nothing",
			draw("--save-latents", ""),
			/--save-latents names no file/,
		],
		[
			"a folder's model with the config of a single file",
			draw("--config", "empty-folder"),
			/--config: it is for single files/,
		],
		[
			"a model of the Hub with a tokenizer for a single file",
			draw("--tokenizer", "empty-folder", "--model", "owner/name"),
			/--tokenizer: it is for single files; a model of the Hub has its own/,
		],
		[
			"a revision of what is not of the Hub",
			draw("--revision", "main"),
			/--revision: only models of the Hub have revisions/,
		],
		[
			"noise of another size",
			draw("--initial-noise", "noise.npy"),
			/--initial-noise: noise\.npy does not exist/,
		],
		[
			"a flag by its former name",
			draw("--latents", "noise.npy"),
			/--initial-noise: noise\.npy does not exist/,
		],
		[
			"settings too long for a JPEG",
			["x".repeat(40_000), ...quick, "--output", "x.jpg"],
			/too long to be kept in a JPEG; write a \.png or \.webp file/,
		],
		[
			"a name that is too long",
			draw("--output", `${"a".repeat(300)}.png`),
			/--output aaaa.*cannot be written: a name may have at most 234 bytes/,
		],
		[
			"a name of latents that is too long",
			draw("--save-latents", `${"a".repeat(300)}.npy`),
			/--save-latents aaaa.*cannot be written: a name may have/,
		],
		[
			"a weight of 400 digits",
			[`(x:${"9".repeat(400)})`, "--prompt-weighting", ...quick],
			/--prompt: "x" has a weight of Infinity; weights go from -100 to 100/,
		],
		[
			"an image that is not there",
			["generate", "--from-image", "none.png"],
			/--from-image: none\.png does not exist/,
		],
		[
			"an image that is none",
			["generate", "--from-image", "a-file"],
			/--from-image: a-file is neither a PNG/,
		],
		[
			"an image whose parameters are empty",
			["generate", "--from-image", "empty.png"],
			/--from-image empty\.png: this image carries no parameters/,
		],
		[
			"an image without parameters",
			["generate", "--from-image", "plain.png"],
			/--from-image plain\.png: this image carries no parameters/,
		],
		[
			"no such model",
			drawWith("./nowhere"),
			/\.\/nowhere: there is no such model/,
		],
		[
			"a name that is no model",
			drawWith("nowhere"),
			/"nowhere" is no model: give .*emoji/,
		],
		["a link to itself", drawWith("./loop"), /loop/],
		[
			"a share of tokens that is too great",
			["a", ...quick, "--key-steps", "tome:2"],
			/^fdiff: --key-steps: tome: ratio: at most 0\.75; it is written tome/,
		],
	])("%s", (_, words, line) => refused(words, 2, line));

	test("a prompt over the limit", async () => {
		await refused(
			["x".repeat(100_001), ...quick],
			2,
			/prompt: 100001 characters are too many; the most is 100000/,
		);
	});
});

test.runIf(process.platform === "linux")(
	"a full disk behind stdout is said in one line",
	() => {
		const { status, stderr } = spawnSync(
			"sh",
			[
				"-c",
				`"$0" dist/cli/main.js models list --json > /dev/full`,
				process.execPath,
			],
			{ cwd: root, encoding: "utf8" },
		);
		expect(stderr).toBe("fdiff: stdout cannot be written: the disk is full\n");
		expect(status).toBe(1);
	},
);

describe("what fails ends with one line and exit code 1", () => {
	test.each<[string, string[], RegExp]>([
		[
			"a folder for an analysis that cannot be made, before anything runs",
			["analyze", "a", "--model", tinySd, "--out", "a-file/x"],
			/^fdiff: --out a-file\/x cannot be written: a part of the path is a file/,
		],
		[
			"a Hub id that is not in the cache, offline",
			drawWith("owner/name"),
			/owner\/name.*(offline|HF_HUB_OFFLINE)/,
		],
		[
			"a folder without a model",
			drawWith("empty-folder"),
			/empty-folder.*model_index\.json/,
		],
		["a file that is no model", drawWith("a-file"), /a-file is no model/],
		[
			"an empty checkpoint",
			drawWith("empty.safetensors"),
			/empty\.safetensors/,
		],
		[
			"a pickle",
			drawWith("model.ckpt"),
			/model\.ckpt is a pickle.*\.safetensors/,
		],
		[
			"truncated weights",
			drawWith("truncated", "--output", "new/"),
			/truncated.*diffusion_pytorch_model\.safetensors/,
		],
		["missing weights", drawWith("no-weights"), /no-weights.*unet/],
		[
			"a config that is no JSON",
			drawWith("bad-json"),
			/bad-json.*unet\/config\.json/,
		],
		["an unknown block", drawWith("bad-block"), /bad-block.*MagicBlock2D/],
		[
			"a missing tensor",
			drawWith("no-tensor", "--output", "new/"),
			/mid_block\.resnets\.0\.conv1\.weight/,
		],
		[
			"tensors of other shapes",
			drawWith("wrong-shape", "--output", "new/"),
			/attn2\.to_k\.weight/,
		],
		[
			"offsets beyond the file",
			drawWith("bad-offsets"),
			/bad-offsets.*conv_in\.weight/,
		],
		[
			"a header longer than the file",
			drawWith("huge-header"),
			/huge-header.*safetensors/,
		],
		[
			"a wrong vocabulary",
			drawWith("bad-vocabulary"),
			/bad-vocabulary\/tokenizer\/vocab\.json/,
		],
		["no tokenizer", drawWith("no-tokenizer"), /no-tokenizer.*tokenizer/],
		[
			"a network of another kind",
			drawWith("other-kind"),
			/other-kind.*addition_embed_type/,
		],
		["a variant that is not there", draw("--variant", "int4"), /int4/],
		[
			"an output in a folder that is not there",
			draw("--output", "none/x.png"),
			/--output none\/x\.png cannot be written: its folder does not exist/,
		],
		[
			"an output below a file",
			draw("--output", "a-file/x.png"),
			/--output a-file\/x\.png cannot be written: a part of the path is a file/,
		],
		[
			"a file as the output folder",
			draw("--output", "a-file/"),
			/--output a-file\/ cannot be written: a part of the path is a file/,
		],
		[
			"latents into a folder that is not there",
			draw("--save-latents", "none/x.npy"),
			/--save-latents none\/x\.npy cannot be written/,
		],
		[
			"latents onto a folder",
			draw("--save-initial-noise", "is-a-folder.npy"),
			/--save-initial-noise is-a-folder\.npy cannot be written: it is a folder/,
		],
		[
			"latents onto a device",
			draw("--save-latents", "/dev/null"),
			/^fdiff: \/dev\/null cannot be written: it is a device or pipe, not a file/,
		],
		[
			"a picture into /proc",
			draw("--output", "/proc/x.png"),
			/^fdiff: --output \/proc\/x\.png cannot be written/,
		],
		[
			"noise that is no array",
			draw("--initial-noise", "wrong.npy"),
			/--initial-noise wrong\.npy/,
		],
	])("%s", (_, words, line) => refused(words, 1, line));
});

/** A file system of 24 kB, where this process may mount one. */
const small = join(folder, "small-disk");
mkdirSync(small);
const mounted =
	process.platform === "linux" &&
	spawnSync("mount", ["-t", "tmpfs", "-o", "size=24k", "tmpfs", small])
		.status === 0;
afterAll(() => {
	if (mounted) spawnSync("umount", [small]);
});
// skipped where no file system may be mounted (that needs root on Linux)
test.skipIf(!mounted)(
	"a full disk: one line, exit code 1, no half-written file",
	async () => {
		const { code, stderr } = await fdiff(
			draw("--num-images", "9", "--output", "small-disk"),
			folder,
		);
		expect(stderr).toMatch(
			/^fdiff: small-disk\/apple-\d+\.png cannot be written: the disk is full\n$/,
		);
		expect(code).toBe(1);
		expect(
			listing(small).filter((name) => !/^apple-\d+\.png$/.test(name)),
		).toEqual([]);
		const latents = await run(
			draw(
				"--output",
				"y.png",
				"--num-images",
				"40",
				"--steps",
				"1",
				"--save-latents",
				"small-disk/l.npy",
			),
			folder,
		);
		expect(latents.stderr).toMatch(
			/^fdiff: --save-latents small-disk\/l\.npy cannot be written: the disk is full\n$/,
		);
		expect(latents.code).toBe(1);
		expect(
			listing(small).filter((name) => !/^apple-\d+\.png$/.test(name)),
		).toEqual([]);
	},
);
