import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { build } from "esbuild";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "..", "..");

/** What a browser's bundle of these files of src is made of, and what of it only Node has. */
async function bundled(
	files: readonly string[],
): Promise<{ inputs: string[]; node: string[] }> {
	const node = new Set<string>();
	const { metafile } = await build({
		stdin: {
			contents: files.map((file) => `import "./${file}";`).join("\n"),
			resolveDir: join(root, "src"),
			loader: "ts",
		},
		absWorkingDir: root,
		bundle: true,
		write: false,
		metafile: true,
		platform: "browser",
		format: "esm",
		target: "es2023",
		treeShaking: false,
		logLevel: "silent",
		plugins: [
			{
				name: "what only Node has",
				setup({ onResolve }) {
					onResolve(
						{
							filter:
								/^node:|^(events|fs|path|os|crypto|zlib|stream|util)$|^onnxruntime-node$|^sharp$/,
						},
						({ path, importer }) => {
							node.add(`${basename(importer)} -> ${path}`);
							return { path, external: true };
						},
					);
				},
			},
		],
	});
	const inputs = Object.keys(metafile.inputs);
	for (const input of inputs)
		if (/^src\/.*\/node[A-Z][^/]*$/.test(input)) node.add(input);
	return { inputs, node: [...node] };
}

test("every file that has no Node in its name bundles for a browser, and reaches no Node", async () => {
	// the same files as the type check without Node's types
	const { exclude } = JSON.parse(
		await readFile(join(root, "tsconfig.portable.json"), "utf8"),
	) as { exclude: string[] };
	const files = (await readdir(join(root, "src"), { recursive: true })).filter(
		(file) =>
			file.endsWith(".ts") &&
			!file.endsWith(".d.ts") &&
			!basename(file).startsWith("node") &&
			!exclude.some((path) => `src/${file}`.startsWith(path)),
	);
	const { inputs, node } = await bundled(files);
	expect(node).toEqual([]);
	expect(inputs).toContain("src/pipeline/pipeline.ts");
	expect(inputs.length).toBeGreaterThan(200);
});

test("a file that does reach Node is found", async () => {
	const { node } = await bundled(["pipeline/nodeLoadPipeline.ts"]);
	expect(node).toContain("src/pipeline/nodeLoadPipeline.ts");
	expect(node).toContain("src/runtime/onnxruntime/nodeOnnxRuntime.ts");
	expect(node.some((edge) => edge.includes("-> node:fs"))).toBe(true);
});
