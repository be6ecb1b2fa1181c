import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { givenFiles } from "../../../src/weights/web/givenFiles.js";
import { privateFiles } from "./privateFiles.js";

/** Of more than one part, so that parts of two fetches can get among each other. */
const content = new Uint8Array(34 * 2 ** 20).map(
	(_, i) => (i * 2654435761) >>> 24,
);
const asked: (string | undefined)[] = [];
/** Told when half of the file is on its way. */
let onHalf = () => {};
const server = createServer((request, response) => {
	response.writeHead(200, { "content-length": content.length });
	if (request.method === "HEAD") {
		response.end();
		return;
	}
	asked.push(request.url);
	const half = content.length / 2;
	response.write(content.subarray(0, half), () => {
		setTimeout(() => {
			onHalf();
			setTimeout(() => response.end(content.subarray(half)), 100);
		}, 100);
	});
});
let url: string;
beforeAll(async () => {
	await new Promise<void>((resolve) => {
		server.listen(0, "127.0.0.1", resolve);
	});
	url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/model.safetensors`;
	vi.stubGlobal("location", new URL(url));
	vi.stubGlobal("navigator", privateFiles());
});
afterAll(() => {
	vi.unstubAllGlobals();
	server.close();
});

async function load() {
	const given = await givenFiles(url, { choose: async () => [] }, {});
	const folder = await given.fetch();
	const file = await folder.open("model.safetensors");
	return Buffer.compare(await file.read(0, file.size), content);
}

test("what two pages fetch at one time is fetched once, and whole in both and for the next visit", async () => {
	const second = new Promise<number>((resolve, reject) => {
		onHalf = () => {
			onHalf = () => {};
			load().then(resolve, reject);
		};
	});
	expect(await load()).toBe(0);
	expect(await second).toBe(0);
	expect(await load()).toBe(0);
	expect(asked).toHaveLength(1);
});

test("whoever gives up while waiting for another page says so at once", async () => {
	asked.length = 0;
	url += "?other";
	const stop = new AbortController();
	const gaveUp = new Promise<unknown>((resolve) => {
		onHalf = () => {
			onHalf = () => {};
			setTimeout(() => stop.abort(new Error("enough")), 20);
			givenFiles(url, { choose: async () => [] }, { signal: stop.signal })
				.then((given) => given.fetch())
				.catch(resolve);
		};
	});
	expect(await load()).toBe(0);
	expect(await gaveUp).toMatchObject({ message: "enough" });
	expect(asked).toHaveLength(1);
});
