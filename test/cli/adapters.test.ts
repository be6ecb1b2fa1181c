import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readImage, readParameters } from "../../src/image/nodeImageFile.js";
import { type HubServer, startHub } from "../weights/hub/hubServer.js";
import {
	done,
	emptyFolder,
	listing,
	manyRuns,
	quick,
	root,
} from "./runProgram.js";

const adapters = join(root, "test", "models", "tiny-adapters");
const kohya = join(adapters, "kohya.safetensors");
const folder = emptyFolder();
const run = manyRuns();

const pixels = async (name: string) =>
	(await readImage(join(folder, name))).data;

const draw = async (prompt: string, output: string, ...flags: string[]) =>
	done(
		await run(
			["generate", prompt, ...quick, ...flags, "--output", output],
			folder,
		),
	);

test("--lora, a tag with --lora-dir and the picture's own words draw the same; another weight draws another picture", async () => {
	const named = join(folder, "loras", "mine");
	mkdirSync(named, { recursive: true });
	copyFileSync(kohya, join(named, "kohya.safetensors"));
	const loraDir = ["--lora-dir", join(folder, "loras")];
	await draw("a red apple", "plain.png");
	await draw("a red apple", "flag.png", "--lora", `${kohya}:0.6`);
	await draw("a red apple<lora:kohya:0.6>", "tag.png", ...loraDir);
	await draw("a red apple", "weak.png", "--lora", `${kohya}:0.5`);
	const flagged = await pixels("flag.png");
	expect(await pixels("tag.png")).toEqual(flagged);
	expect(await pixels("plain.png")).not.toEqual(flagged);
	expect(await pixels("weak.png")).not.toEqual(flagged);

	const text = await readParameters(join(folder, "flag.png"));
	expect(text).toMatch(/^a red apple <lora:kohya:0\.6>\n/);
	expect(text).toMatch(/Lora hashes: "kohya: [0-9a-f]{12}"/);
	const again = [
		"--from-image",
		"flag.png",
		"--model",
		quick[1],
		"--output",
		"again.png",
	];
	const missing = await run(["generate", ...again], folder);
	expect(missing.code).toBe(2);
	expect(missing.stderr).toMatch(/made from LoRAs; give it again with --lora/);
	done(await run(["generate", ...again, ...loraDir], folder));
	expect(await pixels("again.png")).toEqual(flagged);
	done(await run(["generate", ...again, "--lora", kohya], folder));
	expect(await pixels("again.png")).toEqual(flagged);
});

test("a prompt names the LoRA that comes with the embedded model; the picture's words alone make it again", async () => {
	const words = ["--steps", "2", "--seed", "5", "--threads", "1"];
	const embedded = async (...flags: string[]) =>
		done(await run(["generate", ...flags], folder));
	await embedded("apple", ...words, "--lora", "ice", "--output", "flag.png");
	await embedded("apple <lora:ice>", ...words, "--output", "tag.png");
	const ice = await pixels("flag.png");
	expect(await pixels("tag.png")).toEqual(ice);
	await embedded("--from-image", "flag.png", "--output", "again.png");
	expect(await pixels("again.png")).toEqual(ice);
	// a folder of the user's has others, and may have one of the same name
	const own = ["--lora-dir", join(folder, "loras")];
	await embedded("apple <lora:ice>", ...words, ...own, "--output", "tag.png");
	expect(await pixels("tag.png")).toEqual(ice);
	// none of the embedded model's: read as words
	const { stderr } = await embedded("apple <lora:none:1>", ...words);
	expect(stderr).toMatch(/names LoRAs \(none\), which are read as words/);
});

test("an embedding is read by its token and written by its name", async () => {
	const embedding = join(adapters, "tall-tower.safetensors");
	await draw("a tall-tower", "word.png");
	await draw("a tall-tower", "embedded.png", "--embedding", embedding);
	await draw("a house-x", "named.png", "--embedding", `${embedding}:house-x`);
	expect(await pixels("embedded.png")).not.toEqual(await pixels("word.png"));
	expect(await pixels("named.png")).toEqual(await pixels("embedded.png"));
	expect(await readParameters(join(folder, "embedded.png"))).toMatch(
		/TI hashes: "tall-tower: [0-9a-f]{12}"/,
	);
});

describe("one line, and nothing written, for", () => {
	const text = join(folder, "text.safetensors");
	beforeAll(() => writeFileSync(text, "<html>no such page</html>"));
	const dir = ["--lora-dir", adapters];
	test.each<[string, string, string[], RegExp]>([
		[
			"a file that is not there",
			"a",
			["--lora", "no.safetensors"],
			/^fdiff: --lora: no\.safetensors: there is no such file/,
		],
		[
			"a weight out of range",
			"a",
			["--lora", `${kohya}:11`],
			/^fdiff: --lora: /,
		],
		[
			"a page",
			"a",
			["--lora", text],
			/^fdiff: --lora: .*text\.safetensors holds no weights: it is a web page/,
		],
		[
			"an embedding as a LoRA",
			"a",
			["--lora", join(adapters, "ugly.pt")],
			/^fdiff: --lora: .*changes no layer of this model: it is a textual inversion/,
		],
		[
			"a LoRA as an embedding",
			"a",
			["--embedding", kohya],
			/^fdiff: --embedding: .*holds no embedding: it is a LoRA/,
		],
		[
			"a weight out of range",
			"a",
			["--lora", `${kohya}:100`],
			/^fdiff: --lora: 0\.weight: it is not a number from -10 to 10$/m,
		],
		[
			"a control net as a LoRA",
			"a",
			["--lora", join(root, "test/models/tiny-control.single.safetensors")],
			/^fdiff: --lora: .*: it is a ControlNet/m,
		],
		[
			"a device",
			"a",
			["--lora", "/dev/zero"],
			/^fdiff: --lora: \/dev\/zero cannot be read: it is a device/,
		],
		[
			"a tag of no file",
			"a <lora:none:1>",
			dir,
			/^fdiff: .*names the LoRA none, which is no file of/,
		],
		[
			"two embeddings of one token",
			"a",
			[
				"--embedding",
				join(adapters, "ugly.pt"),
				"--embedding",
				join(adapters, "learned.safetensors:ugly"),
			],
			/^fdiff: --embedding: two stand for the token ugly/,
		],
	])("%s", async (_, prompt, flags, words) => {
		const before = listing(folder);
		const { code, stderr } = await run(
			["generate", prompt, ...quick, ...flags],
			folder,
		);
		expect(stderr).toMatch(words);
		expect(stderr.trim().split("\n")).toHaveLength(1);
		expect(code).toBe(2);
		expect(listing(folder)).toEqual(before);
	});
});

test("tags without anywhere to look are read as words, with a warning", async () => {
	const { stderr } = await draw("a <lora:none:1>", "words.png");
	expect(stderr).toMatch(
		/the prompt names LoRAs \(none\), which are read as words/,
	);
});

describe("from the Hub", () => {
	const repo = "someone/some-lora";
	let hub: HubServer;
	beforeAll(async () => {
		const bytes = new Uint8Array(readFileSync(kohya));
		hub = await startHub(
			repo,
			new Map([
				["pytorch_lora_weights.safetensors", bytes],
				[
					"other.safetensors",
					new Uint8Array(readFileSync(join(adapters, "lokr.safetensors"))),
				],
				["README.md", new TextEncoder().encode("words")],
			]),
		);
	});
	afterAll(() => hub.close());
	const environment = (offline: boolean) => ({
		HF_ENDPOINT: hub.endpoint,
		HF_HUB_CACHE: join(folder, "cache"),
		HF_HUB_OFFLINE: offline ? "1" : "0",
	});
	const drawn = async (lora: string, output: string, offline: boolean) => {
		const { code, stderr } = await run(
			["generate", "a red apple", ...quick, "--lora", lora, "--output", output],
			folder,
			environment(offline),
		);
		expect(stderr).not.toMatch(/^fdiff:/m);
		expect(code).toBe(0);
	};

	test("only the adapter is fetched, and it is opened from the cache afterwards", async () => {
		await drawn(`${repo}:0.6`, "hub.png", false);
		await draw("a red apple", "flag.png", "--lora", `${kohya}:0.6`);
		expect(await pixels("hub.png")).toEqual(await pixels("flag.png"));
		expect(
			hub.requests.filter(({ path }) => /README|other/.test(path)),
		).toEqual([]);
		const before = hub.requests.length;
		await drawn(`${repo}:0.6`, "hub2.png", true);
		expect(hub.requests).toHaveLength(before);
		await drawn(`${repo}/other.safetensors`, "other.png", false);
		expect(await pixels("other.png")).not.toEqual(await pixels("hub.png"));
		expect(await readParameters(join(folder, "hub.png"))).toMatch(
			/<lora:some-lora:0\.6>/,
		);
	});
});
