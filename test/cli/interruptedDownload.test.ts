import {
	copyFileSync,
	existsSync,
	mkdirSync,
	readFileSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
	etagOf,
	type HubServer,
	startHubOf,
} from "../weights/hub/hubServer.js";
import { emptyFolder, fdiff, listing, root, tinySd } from "./runProgram.js";

const tinyClip = join(root, "test", "models", "tiny-clip");
const bytesOf = (path: string) => new Uint8Array(readFileSync(path));
const filesOf = (folder: string) =>
	new Map(
		listing(folder)
			.filter((name) => statSync(join(folder, name)).isFile())
			.map((name) => [name, bytesOf(join(folder, name))]),
	);
const [model, clip] = ["someone/tiny-sd", "someone/tiny-clip"];
const repos = new Map([
	[model, filesOf(tinySd)],
	[clip, filesOf(tinyClip)],
]);
const unet = "unet/diffusion_pytorch_model.safetensors";
const arrived = 100_000;
let hub: HubServer;

beforeAll(async () => {
	hub = await startHubOf(repos);
});
afterAll(() => hub.close());

test.each([
	["models pull", model, unet, ["models", "pull", model, "--quiet"]],
	[
		"generate",
		model,
		unet,
		["apple", "--model", model, "--width", "64", "--height", "64"].concat([
			"--steps",
			"1",
			"--seed",
			"1",
			"--quiet",
		]),
	],
	[
		"score",
		clip,
		"model.safetensors",
		["score", ".", "--captions", "captions.csv", "--clip", clip, "--quiet"],
	],
	[
		"evaluate",
		clip,
		"model.safetensors",
		["evaluate", "--protocol", "embedded", "--out", "out"].concat([
			"--clip",
			clip,
			"--quiet",
		]),
	],
])(
	"Ctrl-C in a download of %s: one line, exit code 130, and what has come is kept and gone on with",
	async (command, repo, name, words) => {
		const file = etagOf(name, repos.get(repo)?.get(name) ?? new Uint8Array());
		const isFile = (path: string) => path.endsWith(file);
		const folder = emptyFolder();
		if (command === "score") {
			const picture = join(root, "models", "emoji", "everyday.jpg");
			copyFileSync(picture, join(folder, "a.jpg"));
			writeFileSync(
				join(folder, "captions.csv"),
				"file_name,caption\na.jpg,pictures\n",
			);
		}
		const cache = join(folder, "cache");
		const environment = {
			HF_ENDPOINT: hub.endpoint,
			HF_HUB_CACHE: cache,
			HF_HUB_OFFLINE: "0",
		};
		const incomplete = join(
			...[cache, `models--${repo.replace("/", "--")}`, "blobs"],
			`${file}.fdiff.incomplete`,
		);
		const received = () =>
			existsSync(incomplete) ? statSync(incomplete).size : 0;

		hub.fault = ({ server, path }) =>
			server === "cdn" && isFile(path) ? { stallAfter: arrived } : undefined;
		const interrupted = await fdiff(
			words,
			folder,
			async (child) => {
				while (received() < arrived && child.exitCode === null) await delay(20);
				child.kill("SIGINT");
			},
			environment,
		);
		expect(interrupted).toEqual({
			code: 130,
			stdout: "",
			stderr: "fdiff: interrupted\n",
		});
		expect(received()).toBe(arrived);
		expect(
			listing(folder).filter((name) => /\.(lock|tmp|png)$/.test(name)),
		).toEqual([]);

		hub.fault = () => undefined;
		// it would draw for minutes
		if (command === "evaluate") return;
		hub.requests.length = 0;
		const again = await fdiff(words, folder, undefined, environment);
		expect(again.code).toBe(0);
		if (command !== "score") expect(again.stderr).toBe("");
		expect(
			hub.requests
				.filter(({ server, path }) => server === "cdn" && isFile(path))
				.map(({ headers }) => headers.range),
		).toEqual([`bytes=${arrived}-`]);
		expect(existsSync(incomplete)).toBe(false);
	},
);

test.skipIf(process.platform === "win32")(
	"Ctrl-C while an engine is fetched leaves nothing behind",
	async () => {
		const folder = emptyFolder();
		const temporary = join(folder, "temporary");
		mkdirSync(temporary);
		// in place of pip: it says where it is to put the wheel, begins, and takes long
		writeFileSync(
			join(folder, "python3"),
			`#!/bin/sh\nwhile [ "$1" != --dest ]; do shift; done\necho half > "$2/half.whl"\nexec sleep 60\n`,
			{ mode: 0o755 },
		);
		const interrupted = await fdiff(
			["engines", "install", "openvino"],
			folder,
			async (child) => {
				while (listing(temporary).length < 2 && child.exitCode === null)
					await delay(20);
				child.kill("SIGINT");
			},
			{
				PATH: `${folder}:${process.env.PATH}`,
				TMPDIR: temporary,
				XDG_CACHE_HOME: join(folder, "cache"),
			},
		);
		expect([interrupted.code, interrupted.stderr]).toEqual([
			130,
			expect.stringMatching(/^pip fetches OpenVINO .*\nfdiff: interrupted\n$/),
		]);
		expect(listing(temporary)).toEqual([]);
		expect(existsSync(join(folder, "cache"))).toBe(false);
	},
);
