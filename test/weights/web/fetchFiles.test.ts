import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { fetchFiles } from "../../../src/weights/web/fetchFiles.js";
import { memoryShelf } from "../../../src/weights/web/modelShelf.js";

const NEW = '{"new": "and longer"}';
const sha256 = createHash("sha256").update(NEW).digest("hex");
const asked: (string | undefined)[] = [];
/** Answers ranges, as a server of files does. */
const server = createServer((request, response) => {
	asked.push(request.headers.range);
	const from = Number(/\d+/.exec(request.headers.range ?? "0")?.[0]);
	response.writeHead(from > 0 ? 206 : 200, {
		"content-length": NEW.length - from,
		...(from > 0 && {
			"content-range": `bytes ${from}-${NEW.length - 1}/${NEW.length}`,
		}),
	});
	response.end(NEW.slice(from));
});
let url: string;
beforeAll(async () => {
	await new Promise<void>((resolve) => {
		server.listen(0, "127.0.0.1", resolve);
	});
	url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/config.json`;
	vi.stubGlobal("location", new URL(url));
});
afterAll(() => {
	vi.unstubAllGlobals();
	server.close();
});

/** What an earlier fetch left of the file: its first ten bytes. */
async function begun(before: string, file: { path: string; sha256?: string }) {
	const shelf = memoryShelf();
	const files = [{ ...file, size: before.length }];
	await shelf.describe({ version: 1, name: "m", files, complete: false });
	await shelf.add(0, 0, new TextEncoder().encode(before.slice(0, 10)));
	asked.length = 0;
	return shelf;
}

test.each([
	["without a checksum", { path: "config.json" }, undefined],
	["of another checksum", { path: "config.json", sha256: "0" }, sha256],
	["of another file", { path: "other.json", sha256 }, sha256],
])("what an earlier fetch left %s is fetched anew", async (_, before, own) => {
	const shelf = await begun('{"old": "or so"}', before);
	const files = [{ path: "config.json", url, sha256: own }];
	const blobs = await fetchFiles("m", files, shelf, {});
	expect(await blobs.get("config.json")?.text()).toBe(NEW);
	expect(asked).toEqual([undefined]);
	expect((await shelf.described())?.complete).toBe(true);
});

test("what an earlier fetch left of the same content is gone on with", async () => {
	const shelf = await begun(NEW, { path: "config.json", sha256 });
	const files = [{ path: "config.json", url, sha256 }];
	const blobs = await fetchFiles("m", files, shelf, {});
	expect(await blobs.get("config.json")?.text()).toBe(NEW);
	expect(asked).toEqual(["bytes=10-"]);
});
