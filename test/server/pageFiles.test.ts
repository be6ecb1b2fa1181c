import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pageFiles } from "../../src/server/pageFiles.js";
import { quick, startServer } from "./startServer.js";

const KEY = "alice-0123456789abcdef";
const { url, get, post } = await startServer();
const locked = await startServer({ keys: [KEY] });

/** fetch would tidy the path up. */
const rawStatus = (path: string) =>
	new Promise<number>((resolve, reject) => {
		const { port } = new URL(url);
		request({ port, path, host: "127.0.0.1" }, (response) => {
			response.resume();
			resolve(response.statusCode ?? 0);
		})
			.on("error", reject)
			.end();
	});

test("the page is given out whole, its assets for ever, itself anew; nothing inline is allowed", async () => {
	const page = await get("/");
	expect(page.status).toBe(200);
	expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
	expect(page.headers.get("cache-control")).toBe("no-cache");
	const policy = page.headers.get("content-security-policy") ?? "";
	expect(policy).toContain("default-src 'none'");
	expect(policy).not.toContain("unsafe");
	expect(page.text).not.toMatch(/<style|style="|<script>|https?:/);
	const assets = [...page.text.matchAll(/(?:src|href)="\.(\/[^"]+)"/g)].map(
		([, path]) => path,
	);
	expect(assets.length).toBeGreaterThanOrEqual(3);
	for (const path of assets) {
		const asset = await get(path);
		expect(asset.status).toBe(200);
		expect(path).toMatch(/^\/assets\/\w+-[\w-]{8}\.(js|css|svg)$/);
		expect(asset.headers.get("cache-control")).toBe(
			"public, max-age=31536000, immutable",
		);
	}
	const etag = page.headers.get("etag") ?? "";
	expect((await get("/", { "if-none-match": etag })).status).toBe(304);
});

test("no path leads out of the page's folder", async () => {
	for (const path of [
		"/../package.json",
		"/assets/../../package.json",
		"/assets/..%2f..%2fpackage.json",
		"/%2e%2e/package.json",
		"/assets/%2e%2e/%2e%2e/cli/main.js",
		"//etc/passwd",
		"/assets/..\\..\\package.json",
		"/index.html.map",
		"/assets/",
	])
		expect(await rawStatus(path)).toBe(404);
});

test("with keys the page itself is open, and nothing else", async () => {
	expect((await locked.get("/")).status).toBe(200);
	expect((await locked.get("/api/options")).status).toBe(401);
	expect((await locked.get("/?a=b")).status).toBe(200);
});

test("a package without the page serves all the rest", () => {
	expect(pageFiles("/nowhere").size).toBe(0);
	const folder = mkdtempSync(join(tmpdir(), "page-"));
	mkdirSync(join(folder, "assets"));
	writeFileSync(join(folder, "index.html"), "<p>");
	writeFileSync(join(folder, "assets", "a-12345678.js"), "");
	writeFileSync(join(folder, "secret.env"), "");
	expect([...pageFiles(folder).keys()].sort()).toEqual([
		"/",
		"/assets/a-12345678.js",
	]);
});

test("settings tell what a step costs by what runs", async () => {
	const settings = async (more: object) =>
		(await post("/api/settings", { ...quick, ...more })).json;
	const { costs, states } = await settings({
		keySteps: "full,decoder,nothing:1",
	});
	expect(states).toEqual(["full", "decoder", "nothing:1"]);
	expect(costs["nothing:1"]).toBe(0);
	expect(costs.decoder).toBeGreaterThan(costs["outer:1"]);
	expect(costs.full).toBeGreaterThan(costs.decoder);
	// without guidance half the samples
	const { costs: half } = await settings({ guidanceScale: 1 });
	expect(half.full * 2).toBe(costs.full);
});
