import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { pullDataset } from "../../src/datasets/nodePullDataset.js";
import { hashedValues } from "../hashedValues.js";

const content = new Uint8Array(hashedValues(100_000, 1).buffer);
const md5 = createHash("md5").update(content).digest("hex");
const files = [{ path: "zips/a.zip", size: content.length, md5 }];
const fast = { retryDelay: 1, files };

interface Behaviour {
	/** Bytes after which the connection breaks, a request each; then it holds. */
	breaks: number[];
	etag: string;
	ranges: boolean;
	body: Uint8Array;
	status?: number;
}

let folder: string;
let server: Server;
let address: string;
let behaviour: Behaviour;
let requests: (string | undefined)[];
/** Bytes that the latest call of `pull` has. */
let received: number;

beforeEach(async () => {
	folder = await mkdtemp(join(tmpdir(), "pull-"));
	behaviour = { breaks: [], etag: '"one"', ranges: true, body: content };
	requests = [];
	received = 0;
	server = createServer((request, response) => {
		const { breaks, etag, ranges, body, status } = behaviour;
		requests.push(request.headers.range);
		if (status || request.url !== "/mirror/zips/a.zip") {
			response.writeHead(status ?? 404).end();
			return;
		}
		const from =
			ranges && request.headers["if-range"] === etag
				? Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0)
				: 0;
		response.writeHead(from > 0 ? 206 : 200, {
			etag,
			"content-length": body.length - from,
			...(from > 0
				? { "content-range": `bytes ${from}-${body.length - 1}/${body.length}` }
				: {}),
		});
		const end = breaks.shift();
		if (end === undefined) response.end(body.subarray(from));
		else {
			response.write(body.subarray(from, from + end));
			// what has not been read when a connection breaks is lost
			const broken = setInterval(() => {
				if (received < from + end) return;
				clearInterval(broken);
				response.destroy();
			}, 5);
		}
	});
	await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
	const { port } = server.address() as AddressInfo;
	address = `http://127.0.0.1:${port}/mirror/`;
});
afterEach(async () => {
	server.closeAllConnections();
	await new Promise((done) => server.close(done));
	await rm(folder, { recursive: true, force: true });
});

/** Whether the file is there, byte for byte. */
const fetched = async () =>
	Buffer.compare(await readFile(join(folder, "a.zip")), content) === 0;
const pull = (options = {}) =>
	pullDataset("coco-val2017", folder, {
		server: address,
		...fast,
		onProgress: (_, bytes) => {
			received = bytes;
		},
		...options,
	});

test("fetches, checks and leaves nothing else behind; a second call fetches nothing", async () => {
	const progress: number[] = [];
	const onProgress = (_: string, received: number) => progress.push(received);
	expect(await pull({ onProgress })).toEqual([join(folder, "a.zip")]);
	expect(await fetched()).toBe(true);
	expect(await readdir(folder)).toEqual(["a.zip"]);
	expect(progress.at(-1)).toBe(content.length);
	await pull();
	expect(requests).toHaveLength(1);
});

test("several at once fetch it once", async () => {
	await Promise.all([pull(), pull(), pull()]);
	expect(requests).toHaveLength(1);
	expect(await fetched()).toBe(true);
	expect(await readdir(folder)).toEqual(["a.zip"]);
});

test("goes on where the connection broke, in the same call and in the next", async () => {
	behaviour.breaks = [100_000, 50_000];
	await expect(pull({ retries: 0 })).rejects.toThrow(
		/what has come is kept, run it again to go on/,
	);
	expect(await readdir(folder)).toEqual(["a.zip.part", "a.zip.part.etag"]);
	await pull();
	expect(requests).toEqual([undefined, "bytes=100000-", "bytes=150000-"]);
	expect(await fetched()).toBe(true);
	expect(await readdir(folder)).toEqual(["a.zip"]);
});

test("begins again when the server has another file or no ranges", async () => {
	behaviour.breaks = [100_000];
	await expect(pull({ retries: 0 })).rejects.toThrow();
	behaviour.etag = '"two"';
	await pull();
	expect(requests).toEqual([undefined, "bytes=100000-"]);
	expect(await fetched()).toBe(true);
});

test("a wrong file is not kept, a damaged one replaced", async () => {
	behaviour.body = content.map((byte) => byte ^ 1);
	await expect(pull()).rejects.toThrow(
		/other content than it should have .*twice/,
	);
	expect(await readdir(folder)).toEqual([]);
	behaviour.body = content;
	await writeFile(join(folder, "a.zip"), behaviour.body.subarray(1));
	await pull();
	expect(await fetched()).toBe(true);
});

test("a refusal is one line at once, a busy server is asked again", async () => {
	behaviour.status = 403;
	await expect(pull()).rejects.toThrow(/the server answers 403/);
	expect(requests).toHaveLength(1);
	behaviour.status = 503;
	await expect(pull({ retries: 2 })).rejects.toThrow(/503/);
	expect(requests).toHaveLength(4);
	await expect(pullDataset("mnist", folder)).rejects.toThrow(/coco-val2017/);
	await expect(pull({ server: "ftp://x" })).rejects.toThrow(/no http/);
});
