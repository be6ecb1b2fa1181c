import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type BundledSite, bundledSite } from "./bundle.js";
import { hasChromium, openChromium } from "./chromium.js";
import { type OpenPage, openPage } from "./openPage.js";
import { type Site, type SiteAnswer, serveSite } from "./siteServer.js";

const model = join(import.meta.dirname, "..", "..", "models", "emoji");
/** The embedded model's hash, which the names of its plans end with. */
const [, hash] =
	/-([0-9a-f]{10})\.json$/.exec(readdirSync(join(model, "plans"))[0]) ?? [];
const files = [
	"model_index.json",
	"generation_config.json",
	"scheduler/scheduler_config.json",
	...["config.json", "model.safetensors"].map((name) => `text_encoder/${name}`),
	...readdirSync(join(model, "tokenizer")).map((name) => `tokenizer/${name}`),
	...["unet", "vae"].flatMap((network) => [
		`${network}/config.json`,
		`${network}/diffusion_pytorch_model.safetensors`,
	]),
].map((path) => ({ path, bytes: readFileSync(join(model, path)) }));
const unet = "unet/diffusion_pytorch_model.safetensors";
const commit = "0123456789abcdef0123456789abcdef01234567";
const tiny = {
	prompt: "a red apple",
	seed: 7,
	steps: 1,
	width: 64,
	height: 64,
};

let site: BundledSite;
let server: Site;
let browser: Browser;
/** What the Hub of the tests answers instead of a file. */
let instead: (
	path: string,
	range: string | undefined,
) => SiteAnswer | undefined;

beforeAll(async () => {
	if (!hasChromium) return;
	site = await bundledSite("drawWorker.ts");
	server = await serveSite({
		folders: site.folders,
		answer: ({ url = "", headers: { range } }) => {
			if (url.startsWith("/hub/api/models/owner/emoji/"))
				return {
					headers: { "content-type": "application/json" },
					body: JSON.stringify({
						sha: commit,
						siblings: files.map(({ path, bytes }) => ({
							rfilename: path,
							size: bytes.length,
							...(path.endsWith(".safetensors") && {
								lfs: {
									sha256: createHash("sha256").update(bytes).digest("hex"),
									size: bytes.length,
								},
							}),
						})),
					}),
				};
			const [, path] =
				/^\/hub\/owner\/emoji\/resolve\/\w+\/(.*)$/.exec(url) ?? [];
			const file = files.find((candidate) => candidate.path === path);
			if (!file) return undefined;
			const told = instead(file.path, range);
			if (told) return told;
			const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(range ?? "") ?? [];
			if (from === undefined) return { body: file.bytes };
			const start = Number(from);
			const end = to ? Number(to) + 1 : file.bytes.length;
			return {
				status: 206,
				headers: {
					"content-range": `bytes ${start}-${end - 1}/${file.bytes.length}`,
				},
				body: file.bytes.subarray(start, end),
			};
		},
	});
	browser = await openChromium();
});
afterAll(async () => {
	await browser?.close();
	await server?.close();
	await site?.[Symbol.asyncDispose]();
});

/** A page with nothing kept, as a first visitor has it. */
async function freshPage(url = server.url): Promise<OpenPage> {
	instead = () => undefined;
	server.requests.length = 0;
	const context = await browser.newContext();
	return openPage(context, url);
}

const hub = () => ({ hubEndpoint: `${server.url}/hub`, retryDelay: 20 });
const asked = (path: string) =>
	server.requests.filter((request) => request.includes(path));

/** That owner/emoji is kept whole, and not fetched again. */
async function expectKept(call: OpenPage["call"]): Promise<void> {
	const [kept] = await call<Record<string, unknown>[]>("models");
	expect(kept).toMatchObject({ name: "owner/emoji", complete: true });
	expect(kept.stored).toBe(kept.size);
	server.requests.length = 0;
	await call("load", "owner/emoji", hub());
	expect(asked("/hub/")).toEqual([]);
}

test.skipIf(!hasChromium)(
	"a model of the Hub is looked at, fetched, resumed after a break, compared, kept, listed and removed",
	async () => {
		const { call, tell } = await freshPage();
		// it breaks off again and again after half of what there is
		const half = Math.ceil(
			(files.find(({ path }) => path === unet)?.bytes.length ?? 0) / 2,
		);
		let cuts = 2;
		instead = (path, range) => {
			const from = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
			if (path !== unet || (range && !/-$/.test(range)) || cuts-- <= 0)
				return undefined;
			const bytes = files
				.find((file) => file.path === unet)
				?.bytes.subarray(from);
			return {
				status: from > 0 ? 206 : 200,
				headers: {
					"content-length": String(bytes?.length),
					...(from > 0 && {
						"content-range": `bytes ${from}-${from + (bytes?.length ?? 0) - 1}/${from + (bytes?.length ?? 0)}`,
					}),
				},
				body: bytes,
				cutAfter: Math.floor(half / 2),
			};
		};
		const { answer, error } = await tell("load", "owner/emoji", hub());
		expect(error).toBeUndefined();
		expect(answer).toMatchObject({ label: "owner/emoji", hash });
		// its header, then from the start, then from where it broke off
		const ranges = asked(unet).map((request) => request.split(" ")[2]);
		expect(
			ranges.filter((range) => /^bytes=[1-9]\d{5,}-$/.test(range ?? "")).length,
		).toBeGreaterThan(0);
		expect(await call("draw", tiny)).toMatchObject({
			seconds: expect.any(Number),
		});

		await expectKept(call);

		await call("remove", "owner/emoji");
		expect(await call("models")).toEqual([]);
		expect((await tell("remove", "owner/emoji")).error?.message).toBe(
			"owner/emoji is not kept in this browser; listModels() tells what is",
		);
	},
);

test.skipIf(!hasChromium)(
	"a browser that writes files only at once, as Safari did before version 26, keeps models too",
	async () => {
		const { call, tell } = await freshPage();
		await call("withoutWritables");
		const { error, told } = await tell("load", "owner/emoji", hub());
		expect(error).toBeUndefined();
		expect(JSON.stringify(told)).not.toContain("is not kept");
		await expectKept(call);
	},
);

test.skipIf(!hasChromium)(
	"a model that two tabs load at once is fetched once, and both draw",
	async () => {
		let release = () => {};
		const released = new Promise<void>((resolve) => {
			release = resolve;
		});
		const weights = `/m/${unet}`;
		await using slow = await serveSite({
			folders: { ...site.folders, m: model },
			before: ({ url, method, headers }) =>
				url === weights && method === "GET" && !headers.range
					? released
					: undefined,
		});
		const fetches = () =>
			slow.requests.filter((request) => request === `GET ${weights}`).length;
		const first = await freshPage(slow.url);
		const second = await openPage(first.page.context(), slow.url);
		const loading = first.call("load", "/m/");
		await expect.poll(fetches, { timeout: 60_000 }).toBe(1);
		const besides = second.call("load", "/m/");
		// time for what it must not do
		await expect
			.poll(fetches, { timeout: 4000 })
			.toBe(2)
			.catch(() => undefined);
		release();
		expect(await loading).toMatchObject({ hash });
		expect(await besides).toMatchObject({ hash });
		for (const { call } of [first, second])
			expect(await call("draw", tiny)).toMatchObject({
				seconds: expect.any(Number),
			});
		expect(fetches()).toBe(1);
	},
);

test.skipIf(!hasChromium)("what comes damaged is not taken", async () => {
	const { tell, call } = await freshPage();
	instead = (path, range) => {
		if (path !== unet || range) return undefined;
		const bytes = Uint8Array.from(
			files.find((file) => file.path === unet)?.bytes ?? [],
		);
		bytes[bytes.length - 1] ^= 1;
		return { body: bytes };
	};
	const { error } = await tell("load", "owner/emoji", hub());
	expect(error?.message).toMatch(
		/resolve\/.*unet.*came damaged \(its checksum is .*…, not .*…\): load the model again/,
	);
	expect(await call("models")).toMatchObject([{ complete: false }]);
});

test.skipIf(!hasChromium)(
	"a folder at an address; servers without ranges; other origins that do not let pages read",
	async () => {
		await using plain = await serveSite({
			folders: { ...site.folders, m: model },
			noRanges: true,
			cors: true,
		});
		const { call, tell } = await freshPage();
		expect(await call("load", `${plain.url}/m`)).toMatchObject({
			label: `${plain.url}/m/`,
			hash,
		});

		await using closed = await serveSite({ folders: { m: model } });
		const { error } = await tell("load", `${closed.url}/m`, { retryDelay: 1 });
		expect(error?.message).toMatch(
			/cannot be fetched: localhost:\d+ does not answer, or does not let pages of http:\/\/localhost:\d+ read its files \(CORS: /,
		);
		const missing = await tell("load", "/nothing/");
		expect(missing.error?.message).toMatch(
			/nothing\/model_index\.json is not there: the address of a model is that of a diffusers folder/,
		);
		// the Hub's token is for the Hub
		await tell("load", `${plain.url}/m`, {
			hubToken: "hf_secret",
			keep: false,
		});
		expect(plain.authorized).toEqual([]);
		const wrong = await tell("load", "what is this");
		expect(wrong.error?.message).toMatch(
			/^"what is this" is no model: give an address/,
		);
	},
);

test.skipIf(!hasChromium)(
	"a browser without WebGPU says so, before anything of the model's weights is fetched",
	async () => {
		const { tell } = await freshPage();
		const { error } = await tell("load", "/models/emoji/", {
			device: "webgpu",
		});
		expect(error).toMatchObject({ option: "device" });
		expect(error?.message).toMatch(
			/this browser has no WebGPU here: choose wasm/,
		);
	},
);

test.skipIf(!hasChromium)(
	"a full storage is told of in a line, and the model is loaded all the same",
	async () => {
		const { page, tell, call } = await freshPage();
		const devtools = await page.context().newCDPSession(page);
		await devtools.send("Storage.overrideQuotaForOrigin", {
			origin: server.url,
			quotaSize: 4_000_000,
		});
		const full = await tell("load", "owner/emoji", hub());
		expect(full.error).toBeUndefined();
		expect(await call("models")).toEqual([]);
		expect(full.told).toContainEqual({
			notice: expect.stringMatching(
				/^owner\/emoji .*not kept.*fetched again at the next visit.*remove/,
			),
		});
	},
);
