import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { etagOf, type HubServer, startHub } from "../weights/hub/hubServer.js";
import { emptyFolder, fdiff, listing, tinySd } from "./runProgram.js";

const repo = "someone/tiny-sd";
const unet = "unet/diffusion_pytorch_model.safetensors";
const bytes = new Uint8Array(readFileSync(join(tinySd, unet)));
const arrived = 500_000;
let hub: HubServer;

beforeAll(async () => {
	const files = listing(tinySd).filter((name) =>
		statSync(join(tinySd, name)).isFile(),
	);
	hub = await startHub(
		repo,
		new Map(
			files.map((name) => [
				name,
				new Uint8Array(readFileSync(join(tinySd, name))),
			]),
		),
	);
});
afterAll(() => hub.close());

const isUnet = (path: string) => path.endsWith(etagOf(unet, bytes));

test.each([
	["models pull", ["models", "pull", repo, "--quiet"]],
	[
		"generate",
		["apple", "--model", repo, "--width", "64", "--height", "64"].concat([
			"--steps",
			"1",
			"--seed",
			"1",
			"--quiet",
		]),
	],
])(
	"Ctrl-C in a download of %s: one line, exit code 130, and what has come is kept and gone on with",
	async (_, words) => {
		const folder = emptyFolder();
		const cache = join(folder, "cache");
		const environment = {
			HF_ENDPOINT: hub.endpoint,
			HF_HUB_CACHE: cache,
			HF_HUB_OFFLINE: "0",
		};
		const incomplete = join(
			...[cache, "models--someone--tiny-sd", "blobs"],
			`${etagOf(unet, bytes)}.fdiff.incomplete`,
		);
		const received = () =>
			existsSync(incomplete) ? statSync(incomplete).size : 0;

		hub.fault = ({ server, path }) =>
			server === "cdn" && isUnet(path) ? { stallAfter: arrived } : undefined;
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
		hub.requests.length = 0;
		const again = await fdiff(words, folder, undefined, environment);
		expect([again.code, again.stderr]).toEqual([0, ""]);
		expect(
			hub.requests
				.filter(({ server, path }) => server === "cdn" && isUnet(path))
				.map(({ headers }) => headers.range),
		).toEqual([`bytes=${arrived}-`]);
		expect(existsSync(incomplete)).toBe(false);
	},
);
