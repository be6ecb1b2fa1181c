// How long a picture of the embedded model takes on WebAssembly in Chromium beside Node, with one thread and with two, in turns; what its first picture takes, and
// what memory does. After `npm run build`: node scripts/bench-browser.mjs [rounds]
import { rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { loadPipeline } from "../dist/index.js";

const root = resolve(import.meta.dirname, "..");
const rounds = Number(process.argv[2] ?? 3);
const asked = { prompt: "a red apple", seed: 7, steps: 20 };

const harness = join(root, "node_modules", ".bench-browser.mjs");
const { outputFiles } = await build({
	stdin: {
		contents: ["bundle", "chromium", "openPage", "siteServer"]
			.map((name) => `export * from "./test/browser/${name}.ts";`)
			.join("\n"),
		resolveDir: root,
	},
	bundle: true,
	platform: "node",
	format: "esm",
	packages: "external",
	write: false,
	define: {
		"import.meta.dirname": JSON.stringify(join(root, "test", "browser")),
	},
});
await writeFile(harness, outputFiles[0].contents);
const { bundledSite, openChromium, openPage, serveSite } = await import(
	pathToFileURL(harness).href
);
await rm(harness);

const site = await bundledSite("drawWorker.ts");
const server = await serveSite({ folders: site.folders, isolated: true });
const browser = await openChromium({ args: ["--enable-precise-memory-info"] });
const best = (seconds) => Math.min(...seconds);
try {
	for (const threads of [1, 2]) {
		const node = await loadPipeline(undefined, { threads });
		const opened = performance.now();
		const { call } = await openPage(browser, server.url);
		await call("load", undefined, { threads });
		await call("draw", asked);
		const first = (performance.now() - opened) / 1000;
		await node.generate(asked);
		const times = { node: [], wasm: [] };
		for (let round = 0; round < rounds; round++) {
			const began = performance.now();
			await node.generate(asked);
			times.node.push((performance.now() - began) / 1000);
			times.wasm.push((await call("draw", asked)).seconds);
		}
		const [ours, theirs] = [best(times.wasm), best(times.node)];
		console.log(
			`${threads} thread(s): wasm ${ours.toFixed(2)} s, Node ${theirs.toFixed(2)} s, ${(ours / theirs).toFixed(1)} times; first picture ${first.toFixed(1)} s after the page was opened`,
		);
		await node.release();
	}
} finally {
	await browser.close();
	await server.close();
	await site[Symbol.asyncDispose]();
}
