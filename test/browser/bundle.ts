import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { packageFolder } from "../../bench/packageFolder.js";

const root = packageFolder;
const here = join(root, "test", "browser");

/** Folders of a site that has the library's bundle, its models and its runtime. */
export interface BundledSite extends AsyncDisposable {
	readonly folders: Readonly<Record<string, string>>;
}

/** Bundles a worker of this folder as a user would, with a page that starts it. */
export async function bundledSite(worker: string): Promise<BundledSite> {
	const folder = await mkdtemp(join(tmpdir(), "fdiff-browser-"));
	await build({
		entryPoints: [worker, "pageCalls.ts"].map((name) => join(here, name)),
		outdir: join(folder, "bundle"),
		bundle: true,
		splitting: true,
		format: "esm",
		platform: "browser",
		target: "es2023",
		logLevel: "error",
	});
	const name = worker.replace(/\.ts$/, ".js");
	await writeFile(
		join(folder, "index.html"),
		`<!doctype html><html data-worker="/bundle/${name}"><title>test</title>
<input type="file" id="file"><input type="file" id="folder" webkitdirectory>
<script type="module" src="/bundle/pageCalls.js"></script>`,
	);
	return {
		folders: {
			"": folder,
			models: join(root, "models"),
			ort: join(root, "node_modules/onnxruntime-web/dist"),
		},
		[Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
	};
}
