import { join } from "node:path";
import { build } from "esbuild";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "..", "..");

/** What is imported when it is needed, and is to draw the first picture: the check of the device, and the file of the picture. */
const neededLater = /selfCheck\.ts|canvasEncode\.ts/;

test("what a page fetches to draw has at most 250 KB of the package's own code, 355 KB with what it builds on", async () => {
	const { outputs } = (
		await build({
			stdin: {
				contents:
					'import { loadPipeline } from "./src/web.ts"; globalThis.loadPipeline = loadPipeline;',
				resolveDir: root,
			},
			absWorkingDir: root,
			bundle: true,
			splitting: true,
			minify: true,
			format: "esm",
			platform: "browser",
			outdir: "out",
			write: false,
			metafile: true,
			external: ["onnxruntime-web/*"],
			logLevel: "error",
		})
	).metafile;
	const wanted = new Set<string>();
	const want = (path: string) => {
		if (wanted.has(path) || !outputs[path]) return;
		wanted.add(path);
		for (const { path: next, kind } of outputs[path].imports)
			if (kind === "import-statement") want(next);
	};
	for (const [path, { entryPoint = "" }] of Object.entries(outputs))
		if (path.endsWith("stdin.js") || neededLater.test(entryPoint)) want(path);
	let own = 0;
	let all = 0;
	for (const path of wanted)
		for (const [input, { bytesInOutput }] of Object.entries(
			outputs[path].inputs,
		)) {
			all += bytesInOutput;
			if (!input.includes("node_modules")) own += bytesInOutput;
			// the words of messages in forty languages
			expect(input).not.toMatch(/zod\/.*locales\/(?!en\.js)/);
		}
	expect(own).toBeLessThan(250_000);
	expect(all).toBeLessThan(355_000);
});
