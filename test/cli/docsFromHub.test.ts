import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readImage, readParameters } from "../../src/image/nodeImageFile.js";
import { models, tinyLcm, tinySd } from "../pipeline/tinyModels.js";
import { type HubServer, startHubOf } from "../weights/hub/hubServer.js";
import { emptyFolder, manyRuns, root } from "./runProgram.js";

/** The files below a folder, by their paths in it. */
const filesOf = (folder: string) =>
	new Map(
		readdirSync(folder, { recursive: true, withFileTypes: true })
			.filter((entry) => entry.isFile())
			.map(({ parentPath, name }) => join(parentPath, name))
			.map((path) => [relative(folder, path), bytesOf(path)]),
	);
const bytesOf = (path: string) => new Uint8Array(readFileSync(path));
const file = (name: string, ...path: string[]) =>
	new Map([[name, bytesOf(join(models, ...path))]]);
const changed = (
	files: ReadonlyMap<string, Uint8Array>,
	path: string,
	json: object,
) =>
	new Map([...files, [path, new TextEncoder().encode(JSON.stringify(json))]]);

/** The scheduler_config.json of a published model, by the golden data of few steps. */
const { cases } = JSON.parse(
	readFileSync(join(root, "test/golden/few_steps.json"), "utf8"),
) as { cases: { name: string; scheduler: object }[] };
const schedulerOf = (name: string) =>
	cases.find((one) => one.name.startsWith(name))?.scheduler ?? {};

const folder = emptyFolder();
const fdiff = manyRuns();
const lcm = tinyLcm(schedulerOf("LCM,"));
const lora = ["tiny-adapters", "kohya.safetensors"] as const;
let hub: HubServer;

beforeAll(async () => {
	const scheduler = "scheduler/scheduler_config.json";
	// small networks with random weights, under the names that the docs call
	hub = await startHubOf(
		new Map([
			["stable-diffusion-v1-5/stable-diffusion-v1-5", filesOf(tinySd)],
			[
				"stabilityai/sd-turbo",
				changed(filesOf(tinySd), scheduler, schedulerOf("SD-Turbo")),
			],
			["SimianLuo/LCM_Dreamshaper_v7", filesOf(lcm)],
			[
				"latent-consistency/lcm-lora-sdv1-5",
				file("pytorch_lora_weights.safetensors", ...lora),
			],
			["h1t/TCD-SD15-LoRA", file("pytorch_lora_weights.safetensors", ...lora)],
			[
				"ByteDance/Hyper-SD",
				new Map([
					...file("Hyper-SD15-1step-lora.safetensors", ...lora),
					...file("Hyper-SD15-4steps-lora.safetensors", ...lora),
					...file("Hyper-FLUX.1-dev-8steps-lora.safetensors", ...lora),
				]),
			],
			["madebyollin/taesd", filesOf(join(models, "tiny-taesd"))],
			[
				"lllyasviel/control_v11p_sd15_canny",
				filesOf(join(models, "tiny-control")),
			],
			[
				"lllyasviel/control_v11f1p_sd15_depth",
				filesOf(join(models, "tiny-control2")),
			],
			[
				"comfyanonymous/ControlNet-v1-1_fp16_safetensors",
				file(
					"control_v11p_sd15_canny_fp16.safetensors",
					"tiny-control.single.safetensors",
				),
			],
		]),
	);
	const noise = Uint8Array.from(
		{ length: 3 * 96 * 80 },
		(_, i) => (i * i) % 251,
	);
	for (const name of ["house", "edges", "depth"])
		await sharp(noise, { raw: { width: 96, height: 80, channels: 3 } })
			.png()
			.toFile(join(folder, `${name}.png`));
});
afterAll(async () => {
	await hub.close();
	rmSync(lcm, { recursive: true });
});

/** The commands of a page that need the Hub, as words. */
const commands = (page: string) =>
	[
		...readFileSync(join(root, "docs", page), "utf8").matchAll(
			/^```sh network\n([\s\S]*?)^```/gm,
		),
	].flatMap(([, block]) =>
		block
			.trim()
			.split("\n")
			.map((line) =>
				[...line.matchAll(/"([^"]*)"|(\S+)/g)].map(
					([, text, word]) => text ?? word,
				),
			),
	);
const run = async ([program, ...words]: readonly string[]) => {
	expect(program).toBe("fdiff");
	const { code, stderr } = await fdiff(
		[...words, "--seed", "3", "--threads", "1"],
		folder,
		{
			HF_ENDPOINT: hub.endpoint,
			HF_HUB_CACHE: join(folder, "cache"),
			HF_HUB_OFFLINE: "0",
		},
	);
	expect(
		stderr.split("\n").filter((line) => /^(fdiff|warning):/.test(line)),
	).toEqual([]);
	expect(code).toBe(0);
	return words[words.indexOf("--output") + 1];
};
const saysOf = async (output: string) =>
	(await readParameters(join(folder, output))) ?? "";
const pixels = async (output: string) =>
	(await readImage(join(folder, output))).data;

test("the settings of few-step models are drawn with as their page says them", async () => {
	const said = new Map<string, string>();
	for (const words of commands("few-steps.md")) {
		const output = await run(words);
		said.set(output, await saysOf(output));
	}
	const says = (output: string, ...parts: string[]) => {
		for (const part of parts) expect(said.get(output)).toContain(part);
	};
	says("turbo.png", "Steps: 1, Sampler: Euler, ", "CFG scale: 1,");
	says("lcm.png", "Steps: 4, Sampler: LCM, ", "CFG scale: 8.5,");
	says("lcm-lora.png", "Steps: 4, Sampler: LCM, ", "CFG scale: 1,", "<lora:");
	says("tcd.png", "Steps: 4, Sampler: TCD, ", "CFG scale: 1,");
	says(
		"hyper-1.png",
		"Steps: 1, Sampler: TCD, ",
		"Eta: 1,",
		"<lora:Hyper-SD15-1step-lora:1>",
	);
	says(
		"hyper-4.png",
		"Steps: 4, Sampler: DDIM, ",
		"SGM Uniform",
		"CFG scale: 1,",
	);
	says("fast.png", "VAE: madebyollin/taesd");
	expect(await pixels("fast.png")).not.toEqual(await pixels("turbo.png"));
});

test("control nets are drawn with from the Hub, from folders and single files, as their page says", async () => {
	const drawn = new Set<string>();
	for (const words of commands("control-nets.md")) {
		const output = await run(words);
		expect(await saysOf(output)).toContain("ControlNet 0: ");
		drawn.add(String(await pixels(output)));
	}
	expect(drawn.size).toBe(4);
});

test.each([
	["lllyasviel/control_v11p_sd15_canny", "one network alone (a control net"],
	["madebyollin/taesd", "one network alone (a control net"],
	["latent-consistency/lcm-lora-sdv1-5", "a LoRA"],
])(
	"%s is no model, which is said before anything is fetched",
	async (id, what) => {
		const { code, stderr } = await fdiff(["a house", "--model", id], folder, {
			HF_ENDPOINT: hub.endpoint,
			HF_HUB_CACHE: join(folder, "other-cache"),
			HF_HUB_OFFLINE: "0",
		});
		expect(stderr).toContain(`fdiff: ${id} is ${what}`);
		expect(stderr.trim().split("\n")).toHaveLength(1);
		expect(code).toBe(1);
	},
);

test("a control net's single file draws what its folder draws", async () => {
	const draw = async (net: string, output: string) => {
		await run([
			...["fdiff", "a house", "--model", tinySd, "--steps", "2"],
			...["--controlnet", join(models, net), "--control-image", "edges.png"],
			...["--output", output],
		]);
		return pixels(output);
	};
	expect(await draw("tiny-control.single.safetensors", "file.png")).toEqual(
		await draw("tiny-control", "folder.png"),
	);
});
