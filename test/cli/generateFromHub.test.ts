import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readImage } from "../../src/image/nodeImageFile.js";
import { type HubServer, startHub } from "../weights/hub/hubServer.js";
import { emptyFolder, fdiff, listing, tinySd } from "./runProgram.js";

const repo = "someone/tiny-sd";
const folder = emptyFolder();
let hub: HubServer;

beforeAll(async () => {
	const names = readdirSync(tinySd, { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile())
		.map(({ parentPath, name }) => join(parentPath, name));
	hub = await startHub(
		repo,
		new Map(
			names.map((path) => [
				path.slice(tinySd.length + 1),
				new Uint8Array(readFileSync(path)),
			]),
		),
	);
});
afterAll(() => hub.close());

const draw = (model: string, output: string, offline: boolean) =>
	fdiff(
		[
			"a red apple",
			"--model",
			model,
			"--width",
			"64",
			"--height",
			"64",
			"--steps",
			"2",
			"--seed",
			"1",
			"--output",
			output,
		],
		folder,
		undefined,
		{
			HF_ENDPOINT: hub.endpoint,
			HF_HUB_CACHE: join(folder, "cache"),
			HF_HUB_OFFLINE: offline ? "1" : "0",
		},
	);

/** The picture alone: the model's name in the file's parameters differs. */
const pixels = async (name: string) =>
	(await readImage(join(folder, name))).data;

test("a Hub id is downloaded and drawn with; broken off, it goes on; afterwards no network is needed", async () => {
	const unet = "unet/diffusion_pytorch_model.safetensors";
	hub.fault = ({ server, path }) =>
		server === "cdn" || path.endsWith(unet) ? { status: 404 } : undefined;
	const refused = await draw(repo, "refused.png", false);
	expect(refused.code).toBe(1);
	expect(refused.stderr.trim().split("\n").at(-1)).toMatch(/^fdiff: .*404/);
	expect(listing(folder)).not.toContain("refused.png");

	hub.fault = () => undefined;
	const drawn = await draw(repo, "hub.png", false);
	expect(drawn.stderr).toMatch(/downloading/);
	expect(drawn.code).toBe(0);

	const asked = hub.requests.length;
	expect((await draw(repo, "offline.png", true)).code).toBe(0);
	expect(hub.requests).toHaveLength(asked);

	expect((await draw(tinySd, "folder.png", true)).code).toBe(0);
	expect(await pixels("hub.png")).toEqual(await pixels("folder.png"));
	expect(await pixels("offline.png")).toEqual(await pixels("folder.png"));
});

test("an id that the Hub does not have is one clear line", async () => {
	const { code, stderr } = await draw("someone/else", "none.png", false);
	expect(code).toBe(1);
	expect(stderr.trim().split("\n")).toHaveLength(1);
	expect(stderr).toMatch(/someone\/else/);
});
