import { execFile } from "node:child_process";
import {
	existsSync,
	lstatSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import {
	afterAll,
	afterEach,
	beforeEach,
	describe,
	expect,
	test,
	vi,
} from "vitest";
import { nodeModelFolder } from "../../../src/weights/formats/nodeModelFolder.js";
import {
	isSafePath,
	neededFiles,
	parseHubListing,
} from "../../../src/weights/hub/hubFiles.js";
import { parseHubId } from "../../../src/weights/hub/hubId.js";
import {
	cachedSnapshot,
	hubSettings,
	listCachedRepos,
} from "../../../src/weights/hub/nodeHubCache.js";
import {
	openHubModel,
	type PullOptions,
	pullHubModel,
} from "../../../src/weights/hub/nodeHubModel.js";
import { openModel } from "../../../src/weights/nodeOpenModel.js";
import {
	commit,
	etagOf,
	type Fault,
	gitSha1,
	type HubServer,
	type SeenRequest,
	sha256,
	startHub,
} from "./hubServer.js";

const repo = "some-owner/tiny-sd";
const id = { repo, revision: "main" };
const tinySd = join(import.meta.dirname, "../..", "models", "tiny-sd");
const source = await nodeModelFolder(tinySd);
const files = new Map<string, Uint8Array>();
for (const path of [...source.paths].sort()) {
	const file = await source.open(path);
	files.set(path, await file.read(0, file.size));
}
files.set("README.md", new TextEncoder().encode("# not needed"));
files.set("unet/diffusion_pytorch_model.bin", new Uint8Array(100));

const unet = "unet/diffusion_pytorch_model.safetensors";
const unetBytes = files.get(unet) ?? new Uint8Array();
const unetBlob = etagOf(unet, unetBytes);

const execFileAsync = promisify(execFile);
const main = join(import.meta.dirname, "../../../dist/cli/main.js");
const withoutLinks = pathToFileURL(
	join(import.meta.dirname, "../../files/withoutLinks.mjs"),
).href;
const root = mkdtempSync(join(tmpdir(), "fdiff-hub-"));
afterAll(() => rmSync(root, { recursive: true }));

let hub: HubServer;
let cacheFolder: string;
let count = 0;
beforeEach(async () => {
	hub = await startHub(repo, files);
	cacheFolder = join(root, `cache-${count++}`);
});
afterEach(async () => {
	vi.unstubAllEnvs();
	await hub.close();
});

const options = (
	more: Partial<PullOptions> = {},
	token?: string,
): PullOptions => ({
	settings: {
		endpoint: hub.endpoint,
		cacheFolder,
		offline: false,
		...(token ? { token } : {}),
	},
	retryDelay: 1,
	...more,
});
const inRepo = (...path: string[]) =>
	join(cacheFolder, "models--some-owner--tiny-sd", ...path);
/** Answers the first request that `matches` with a fault, the others rightly. */
const once = (matches: (request: SeenRequest) => boolean, fault: Fault) => {
	let left = 1;
	hub.fault = (request) => (matches(request) && left-- > 0 ? fault : undefined);
};
const isUnet = (request: SeenRequest) => request.path.endsWith(unetBlob);
const unetRequests = () => hub.requests.filter(isUnet);

describe("a download", () => {
	test("fills the standard cache with what a model needs and nothing else", async () => {
		const seen: { received: number; total: number }[] = [];
		const pulled = await pullHubModel(
			id,
			options({ onProgress: (progress) => seen.push(progress) }),
		);
		expect(pulled.commit).toBe(commit);
		expect([...pulled.files].sort()).toEqual(
			[...files.keys()]
				.filter((path) => !/README|fp16|\.bin$/.test(path))
				.sort(),
		);
		expect(readFileSync(inRepo("refs", "main"), "utf8")).toBe(commit);
		for (const path of pulled.files) {
			const link = inRepo("snapshots", commit, path);
			const bytes = files.get(path) ?? new Uint8Array();
			expect(lstatSync(link).isSymbolicLink()).toBe(true);
			expect(readlinkSync(link)).toBe(
				`${path.includes("/") ? "../" : ""}../../blobs/${etagOf(path, bytes)}`,
			);
			expect(Buffer.compare(readFileSync(link), bytes)).toBe(0);
		}
		expect(
			readdirSync(inRepo("blobs")).filter((name) =>
				name.includes("incomplete"),
			),
		).toEqual([]);
		expect(seen.at(-1)).toMatchObject({
			received: pulled.size,
			total: pulled.size,
		});
		expect(seen.every(({ received, total }) => received <= total)).toBe(true);
	});

	test("opens to the same model as the folder, then without any request", async () => {
		vi.stubEnv("HF_ENDPOINT", `${hub.endpoint}/`);
		vi.stubEnv("HF_HUB_CACHE", cacheFolder);
		const model = await openModel(repo);
		const local = await openModel(tinySd);
		expect(model.hash).toBe(local.hash);
		expect(model.tokenizers.tokenizer).toEqual(local.tokenizers.tokenizer);
		const [[key, file]] = model.networks.unet.weights.files;
		expect(key).toBe(unetBlob);
		expect(file).toEqual({
			path: inRepo("blobs", unetBlob),
			size: unetBytes.length,
		});

		const before = hub.requests.length;
		expect((await openModel(`${repo}@main`)).hash).toBe(local.hash);
		expect((await openModel(repo, { revision: commit })).hash).toBe(local.hash);
		vi.stubEnv("HF_HUB_OFFLINE", "1");
		expect((await openModel(repo)).hash).toBe(local.hash);
		expect(hub.requests.length).toBe(before);
		await expect(openModel(repo, { revision: "other" })).rejects.toThrow(
			/offline.*not in the cache/,
		);
	});

	test("takes the variant that is asked for, and later only what is missing", async () => {
		const first = await pullHubModel(id, options({ variant: "fp16" }));
		expect(first.files.filter((path) => path.startsWith("unet/"))).toEqual([
			"unet/config.json",
			"unet/diffusion_pytorch_model.fp16.safetensors",
		]);
		hub.requests.length = 0;
		await pullHubModel(id, options());
		expect(
			hub.requests.map(({ path }) => path.split("/").at(-1)?.slice(0, 20)),
		).toEqual([
			"main?blobs=true",
			"diffusion_pytorch_mo",
			unetBlob.slice(0, 20),
		]);
	});

	test("gives the token to the Hub only, never to another host", async () => {
		await pullHubModel(id, options({}, "hf_secret"));
		const cdn = hub.requests.filter(({ server }) => server === "cdn");
		expect(cdn.length).toBeGreaterThan(0);
		for (const { server, headers } of hub.requests)
			expect(headers.authorization).toBe(
				server === "hub" ? "Bearer hf_secret" : undefined,
			);
	});

	test("repeats after 503 and 429", async () => {
		const left = new Map([
			[503, 1],
			[429, 1],
		]);
		hub.fault = () => {
			for (const [status, times] of left)
				if (times > 0) {
					left.set(status, times - 1);
					return { status, headers: { "retry-after": "0" } };
				}
			return undefined;
		};
		await pullHubModel(id, options());
		expect(existsSync(inRepo("snapshots", commit, unet))).toBe(true);
	});

	test("asks for the list again where the connection broke in it", async () => {
		const isList = ({ path }: SeenRequest) => path.startsWith("/api/models/");
		once(isList, { cutAfter: 20 });
		await pullHubModel(id, options());
		expect(hub.requests.filter(isList)).toHaveLength(2);
	});

	test("stops within the list", async () => {
		const stop = new AbortController();
		hub.fault = () => {
			setTimeout(() => stop.abort(), 20);
			return { stallAfter: 20 };
		};
		await expect(
			pullHubModel(id, options({ signal: stop.signal })),
		).rejects.toMatchObject({ name: "AbortError" });
	});

	test("goes on where a connection broke, under the same ETag", async () => {
		once(isUnet, { cutAfter: 100_000 });
		await pullHubModel(id, options());
		const [first, second, ...more] = unetRequests();
		expect(first.headers.range).toBeUndefined();
		expect(second.headers.range).toMatch(/^bytes=[1-9]\d*-$/);
		expect(second.headers["if-range"]).toBe(hub.cdnEtag(unetBlob));
		expect(more).toEqual([]);
		expect(
			Buffer.compare(readFileSync(inRepo("blobs", unetBlob)), unetBytes),
		).toBe(0);
	});

	test("starts again when the ETag has changed since", async () => {
		let version = 1;
		hub.cdnEtag = () => `"v${version}"`;
		hub.fault = (request) =>
			isUnet(request) && version++ === 1 ? { cutAfter: 100_000 } : undefined;
		await pullHubModel(id, options());
		expect(unetRequests()[1].headers["if-range"]).not.toBe(
			hub.cdnEtag(unetBlob),
		);
		expect(
			Buffer.compare(readFileSync(inRepo("blobs", unetBlob)), unetBytes),
		).toBe(0);
	});

	test("does not continue what came under a weak ETag or none", async () => {
		hub.cdnEtag = () => 'W/"weak"';
		once(isUnet, { cutAfter: 100_000 });
		await pullHubModel(id, options());
		expect(unetRequests()[1].headers.range).toBeUndefined();
	});

	test("that was interrupted is continued by the next one", async () => {
		const controller = new AbortController();
		once(isUnet, { cutAfter: 200_000 });
		const reason = new Error("interrupted by the user");
		await expect(
			pullHubModel(
				id,
				options({
					signal: controller.signal,
					onProgress: ({ file, fileReceived }) => {
						if (file === unet && fileReceived > 0) controller.abort(reason);
					},
				}),
			),
		).rejects.toBe(reason);
		expect(existsSync(inRepo("blobs", unetBlob))).toBe(false);
		expect(existsSync(inRepo("refs", "main"))).toBe(false);
		const part = statSync(inRepo("blobs", `${unetBlob}.fdiff.incomplete`)).size;
		expect(part).toBeGreaterThan(0);
		expect((await listCachedRepos(cacheFolder))[0]).toMatchObject({
			repo,
			incomplete: 1,
		});

		hub.requests.length = 0;
		await pullHubModel(id, options());
		expect(unetRequests()[0].headers.range).toBe(`bytes=${part}-`);
		expect(
			Buffer.compare(readFileSync(inRepo("blobs", unetBlob)), unetBytes),
		).toBe(0);
	});

	test("with wrong bytes once is repeated, with wrong bytes twice refused", async () => {
		const wrong = Uint8Array.from(unetBytes);
		wrong[wrong.length >> 1] ^= 1;
		once(isUnet, { body: wrong });
		await pullHubModel(id, options());
		expect(
			Buffer.compare(readFileSync(inRepo("blobs", unetBlob)), unetBytes),
		).toBe(0);

		cacheFolder = `${cacheFolder}-2`;
		hub.fault = (request) => (isUnet(request) ? { body: wrong } : undefined);
		await expect(pullHubModel(id, options())).rejects.toThrow(
			/came with other content than it should have \(checksum/,
		);
		expect(
			readdirSync(inRepo("blobs")).filter((name) => name.startsWith(unetBlob)),
		).toEqual([]);
		expect(existsSync(inRepo("snapshots", commit, unet))).toBe(false);
	});

	test("checks small files by git's SHA-1", async () => {
		const config = files.get("unet/config.json") ?? new Uint8Array();
		const wrong = Uint8Array.from(config, (byte) =>
			byte === 0x38 ? 0x39 : byte,
		);
		hub.fault = (request) =>
			request.path.includes("resolve-cache") &&
			request.path.endsWith("unet/config.json")
				? { body: wrong }
				: undefined;
		await expect(pullHubModel(id, options())).rejects.toThrow(
			/unet\/config\.json came with other content/,
		);
	});

	test("refuses a file of another length", async () => {
		hub.fault = (request) =>
			isUnet(request) ? { body: unetBytes.subarray(1) } : undefined;
		await expect(pullHubModel(id, options())).rejects.toThrow(
			/should have \d+ bytes, but the server has/,
		);
	});

	test("by two at a time fetches each file once", async () => {
		await Promise.all([
			pullHubModel(id, options()),
			pullHubModel(id, options()),
		]);
		expect(unetRequests().length).toBe(1);
		expect(
			Buffer.compare(readFileSync(inRepo("blobs", unetBlob)), unetBytes),
		).toBe(0);
	});

	test("works where the listing gives neither sizes nor hashes", async () => {
		hub.listing = (json) => ({
			...json,
			siblings: json.siblings.map(({ rfilename }) => ({ rfilename })),
		});
		await pullHubModel(id, options());
		expect(
			Buffer.compare(readFileSync(inRepo("blobs", unetBlob)), unetBytes),
		).toBe(0);
	});

	test("from a mirror with ETags of its own is checked by the listing's checksums", async () => {
		hub.ownEtags = true;
		await pullHubModel(id, options());
		expect(
			Buffer.compare(readFileSync(inRepo("blobs", unetBlob)), unetBytes),
		).toBe(0);
	});

	test("survives writes that take a part of what they are given", async () => {
		await using handle = await open(import.meta.filename);
		const prototype = Object.getPrototypeOf(handle) as {
			write(...args: unknown[]): Promise<unknown>;
		};
		const whole = prototype.write;
		let cut = 0;
		prototype.write = function (bytes, start, length, position) {
			const short = (length as number) > 1000 && ++cut % 2 === 1;
			return whole.call(
				this,
				bytes,
				start,
				short ? (length as number) - 100 : length,
				position,
			);
		};
		try {
			await pullHubModel(id, options());
		} finally {
			prototype.write = whole;
		}
		expect(cut).toBeGreaterThan(0);
		expect(
			Buffer.compare(readFileSync(inRepo("blobs", unetBlob)), unetBytes),
		).toBe(0);
	});

	test("is checked by what lies on disk, not by what was received", async () => {
		await using handle = await open(import.meta.filename);
		const prototype = Object.getPrototypeOf(handle) as {
			write(...args: unknown[]): Promise<unknown>;
		};
		const whole = prototype.write;
		let spoilt = 0;
		prototype.write = function (bytes, ...place) {
			const copy = Uint8Array.from(bytes as Uint8Array);
			if (copy.length > 10_000 && spoilt++ === 0) copy[5000] ^= 1;
			return whole.call(this, copy, ...place);
		};
		try {
			await pullHubModel(id, options());
		} finally {
			prototype.write = whole;
		}
		expect(spoilt).toBeGreaterThan(0);
		for (const name of readdirSync(inRepo("blobs"))) {
			const content = readFileSync(inRepo("blobs", name));
			expect(name.length === 64 ? sha256(content) : gitSha1(content)).toBe(
				name,
			);
		}
		expect(
			Buffer.compare(readFileSync(inRepo("blobs", unetBlob)), unetBytes),
		).toBe(0);
	});

	test.each(["ENOSYS", "EACCES", "ENOTSUP", "EINVAL", "UNKNOWN"])(
		"copies where the file system answers links with %s, once",
		async (code) => {
			const pull = () =>
				execFileAsync(process.execPath, [main, "models", "pull", repo], {
					env: {
						...process.env,
						HF_ENDPOINT: hub.endpoint,
						HF_HUB_CACHE: cacheFolder,
						HF_HUB_OFFLINE: "",
						REFUSED_LINKS: code,
						NODE_OPTIONS: `--import ${withoutLinks}`,
					},
				});
			await pull();
			const copy = inRepo("snapshots", commit, unet);
			const { ino } = lstatSync(copy);
			expect(Buffer.compare(readFileSync(copy), unetBytes)).toBe(0);
			await pull();
			expect(lstatSync(copy)).toMatchObject({ ino });
			expect(lstatSync(copy).isFile()).toBe(true);
		},
	);

	test("of what the cache holds works offline", async () => {
		const online = await pullHubModel(id, options());
		hub.requests.length = 0;
		const settings = { endpoint: hub.endpoint, cacheFolder, offline: true };
		const offline = await pullHubModel(id, { settings });
		expect({ ...offline, files: [...offline.files].sort() }).toEqual({
			...online,
			files: [...online.files].sort(),
		});
		expect(
			(await pullHubModel(id, { settings, include: [unet] })).files,
		).toEqual([unet]);
		expect(hub.requests).toEqual([]);
		rmSync(inRepo("snapshots", commit, unet));
		await expect(pullHubModel(id, { settings })).rejects.toThrow(
			/HF_HUB_OFFLINE is set.*does not hold it whole: .*unet has no weights/,
		);
		await expect(
			pullHubModel({ repo: "a/b", revision: "main" }, { settings }),
		).rejects.toThrow(/HF_HUB_OFFLINE is set.* has no main of it/);
	});

	test("of named files takes just these", async () => {
		const { files: got } = await pullHubModel(
			id,
			options({ include: ["README.md"] }),
		);
		expect(got).toEqual(["README.md"]);
		await expect(
			pullHubModel(id, options({ include: ["nothing.txt"] })),
		).rejects.toThrow(/has no file "nothing\.txt"/);
		await expect(
			pullHubModel(id, options({ include: ["../../evil"] })),
		).rejects.toThrow(/would lie outside/);
	});
});

describe("what goes wrong is said in one line", () => {
	const api = (request: SeenRequest) => request.path.startsWith("/api/models/");
	test.each<[string, Fault, RegExp]>([
		[
			"401",
			{ status: 401 },
			/no such model at 127\.0\.0\.1:\d+, or it is private \(401\).*HF_TOKEN/,
		],
		[
			"403",
			{ status: 403 },
			/is gated or closed to you \(403\): accept its terms at http.*some-owner\/tiny-sd and give your access token/,
		],
		[
			"gated",
			{ status: 401, headers: { "x-error-code": "GatedRepo" } },
			/is gated/,
		],
		[
			"404",
			{ status: 404, headers: { "x-error-code": "RepoNotFound" } },
			/there is no such model .* \(404\), nor a folder/,
		],
		[
			"no revision",
			{ status: 404, headers: { "x-error-code": "RevisionNotFound" } },
			/no such revision/,
		],
		[
			"500 for ever",
			{ status: 500 },
			/answers 500, 5 times; what has come is kept/,
		],
		[
			"redirected to a file",
			{ redirectTo: "file:///etc/passwd" },
			/address that is not allowed/,
		],
	])("%s", async (_, fault, reason) => {
		hub.fault = (request) => (api(request) ? fault : undefined);
		const pulling = pullHubModel(id, options());
		await expect(pulling).rejects.toThrow(reason);
		await expect(pulling).rejects.toMatchObject({
			name: "UserError",
			message: expect.stringMatching(/^[^\n]+$/),
		});
	});

	test("a token that is not accepted", async () => {
		hub.fault = () => ({ status: 401 });
		await expect(pullHubModel(id, options({}, "hf_x"))).rejects.toThrow(
			/does not accept your token/,
		);
	});

	test("no network", async () => {
		const { endpoint } = hub;
		await hub.close();
		const settings = { endpoint, cacheFolder, offline: false };
		await expect(openHubModel(id, { settings, retryDelay: 1 })).rejects.toThrow(
			/cannot be reached \(ECONNREFUSED\) \(no network\? what was downloaded before works without\)/,
		);
		hub = await startHub(repo, files);
	});

	test("a connection that breaks again and again without getting further", async () => {
		hub.fault = (request) => (isUnet(request) ? { cutAfter: 0 } : undefined);
		await expect(pullHubModel(id, options())).rejects.toThrow(
			/5 times; what has come is kept, run it again to go on/,
		);
	});

	test("a list of files of another form", async () => {
		hub.listing = () => ({ files: [] });
		await expect(pullHubModel(id, options())).rejects.toThrow(
			/what http:\/\/127\.0\.0\.1:\d+ answers is no list of a repository's files: it is neither the Hub/,
		);
	});

	test("a disk without room, before anything is fetched", async () => {
		hub.listing = (json) => ({
			...json,
			siblings: json.siblings.map((file) =>
				file.rfilename === unet && file.lfs
					? { ...file, lfs: { ...file.lfs, size: 2 ** 52 } }
					: file,
			),
		});
		await expect(pullHubModel(id, options())).rejects.toThrow(
			/needs 4503\d+\.\d MB, but .* has only [\d.]+ MB free: make room/,
		);
		expect(hub.requests.length).toBe(1);
	});

	test("a cache that cannot be written", async () => {
		writeFileSync(join(root, "file"), "");
		cacheFolder = join(root, "file", "hub");
		await expect(pullHubModel(id, options())).rejects.toThrow(
			/the model cache .* cannot be written: a part of the path is a file/,
		);
	});

	test("a repository that is no diffusers model", () => {
		const listing = (...paths: string[]) => ({
			commit,
			files: paths.map((path) => ({ path, size: 1, etag: undefined })),
		});
		expect(() =>
			neededFiles(listing("a.safetensors", "b.gguf"), repo, {}),
		).toThrow(
			/no model_index\.json; get one of its checkpoints \(a\.safetensors\) alone, such as with fdiff models pull/,
		);
		expect(
			neededFiles(
				listing("vocab.json", "merges.txt", "model.safetensors"),
				repo,
				{},
			).map(({ path }) => path),
		).toEqual(["vocab.json", "merges.txt"]);
	});
});

test("sharded variants: the shards of the index and no others", () => {
	const names = [
		"unet/diffusion_pytorch_model.safetensors.index.fp16.json",
		"unet/diffusion_pytorch_model.fp16-00001-of-00002.safetensors",
		"unet/diffusion_pytorch_model-00002-of-00002.fp16.safetensors",
	];
	const others = [
		"model_index.json",
		"unet/diffusion_pytorch_model.safetensors.index.json",
		"unet/diffusion_pytorch_model-00001-of-00002.safetensors",
		"vae/diffusion_pytorch_model.safetensors",
		"text_encoder/model.safetensors",
	];
	const listing = {
		commit,
		files: [...names, ...others].map((path) => ({
			path,
			size: 1,
			etag: undefined,
		})),
	};
	const unets = (variant?: string) =>
		neededFiles(listing, repo, variant ? { variant } : {})
			.map(({ path }) => path)
			.filter((path) => path.startsWith("unet/"));
	expect(unets("fp16")).toEqual(names);
	expect(unets()).toEqual(others.filter((path) => path.startsWith("unet/")));
});

test("names that would leave the cache are never used", () => {
	for (const path of [
		"../x",
		"a/../../x",
		"/etc/x",
		"a//b",
		"",
		".",
		"a/.",
		"c:\\x",
		"C:x",
		"a\\..\\x",
		"a\nb",
		"a\0",
		"x".repeat(300),
	])
		expect(isSafePath(path), path).toBe(false);
	for (const path of [
		"a",
		"unet/config.json",
		".gitattributes",
		"a b/ü.txt",
		"a..b",
	])
		expect(isSafePath(path), path).toBe(true);
	const listing = parseHubListing(
		{ sha: commit, siblings: [{ rfilename: "../../x" }, { rfilename: "ok" }] },
		repo,
		hub.endpoint,
	);
	expect(listing.files.map(({ path }) => path)).toEqual(["ok"]);
});

test("Hub ids and revisions", () => {
	expect(parseHubId("stable-diffusion-v1-5/stable-diffusion-v1-5")).toEqual({
		repo: "stable-diffusion-v1-5/stable-diffusion-v1-5",
		revision: "main",
	});
	expect(parseHubId("a/b@fp16")?.revision).toBe("fp16");
	expect(parseHubId("a/b@refs/pr/3")?.revision).toBe("refs/pr/3");
	expect(parseHubId("a/b@x", "y")?.revision).toBe("y");
	for (const text of [
		"a",
		"a/b/c",
		"../b",
		"a/..",
		"a /b",
		"a/b c",
		"/a/b",
		"a/b--c",
		"a/",
	])
		expect(parseHubId(text), text).toBeUndefined();
	for (const revision of ["../../x", "a/../b", "", "-x", "a b"])
		expect(() => parseHubId("a/b", revision), revision).toThrow(
			/cannot be a revision/,
		);
});

test("settings come from the environment as huggingface_hub reads them", async () => {
	const home = join(root, "home");
	mkdirSync(home);
	writeFileSync(join(home, "token"), "hf_file\n");
	expect(await hubSettings({ HF_HOME: home })).toEqual({
		endpoint: "https://huggingface.co",
		cacheFolder: join(home, "hub"),
		token: "hf_file",
		offline: false,
	});
	expect(
		await hubSettings({
			HF_HOME: home,
			HF_HUB_CACHE: "/cache",
			HF_TOKEN: "hf_env",
			HF_ENDPOINT: "https://mirror.example/",
			HF_HUB_OFFLINE: "ON",
		}),
	).toEqual({
		endpoint: "https://mirror.example",
		cacheFolder: "/cache",
		token: "hf_env",
		offline: true,
	});
	expect((await hubSettings({ XDG_CACHE_HOME: root })).cacheFolder).toBe(
		join(root, "huggingface", "hub"),
	);
	await expect(hubSettings({ HF_ENDPOINT: "ftp://x" })).rejects.toThrow(
		/HF_ENDPOINT is "ftp:\/\/x"/,
	);
	for (const token of ["hf_a\nx: y", "hf_é", "hf a"])
		await expect(hubSettings({ HF_TOKEN: token })).rejects.toThrow(
			/^the Hub's access token \(HF_TOKEN, .* holds spaces, line breaks/,
		);
});

test("a cache that Python's huggingface_hub wrote is read", async () => {
	const snapshot = inRepo("snapshots", commit);
	mkdirSync(snapshot, { recursive: true });
	mkdirSync(inRepo("refs"), { recursive: true });
	writeFileSync(inRepo("refs", "main"), commit);
	expect(await cachedSnapshot(cacheFolder, id)).toBe(snapshot);
	expect(
		await cachedSnapshot(cacheFolder, { repo, revision: "v2" }),
	).toBeUndefined();
	writeFileSync(inRepo("refs", "main"), "../../../etc");
	expect(await cachedSnapshot(cacheFolder, id)).toBeUndefined();
});
