import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";

const root = join(import.meta.dirname, "..", "..");

/** Folders of a site that has the library's bundle, its models and its runtime. */
export interface BundledSite extends AsyncDisposable {
	readonly folders: Readonly<Record<string, string>>;
}

/** Bundles a worker of this folder as a user would, with a page that starts it. */
export async function bundledSite(worker: string): Promise<BundledSite> {
	const folder = await mkdtemp(join(tmpdir(), "fdiff-browser-"));
	await build({
		entryPoints: [join(import.meta.dirname, worker)],
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
		`<!doctype html><title>test</title><script type="module">
const worker = new Worker("/bundle/${name}", { type: "module" });
let calls = 0;
const waiting = new Map();
worker.onmessage = ({ data: { id, answer, error, told } }) => {
	const asked = waiting.get(id);
	if (told !== undefined) { asked.told.push(told); return; }
	waiting.delete(id);
	asked.resolve(error ? { error, told: asked.told } : { answer, told: asked.told });
};
worker.onerror = (event) => { for (const { resolve } of waiting.values()) resolve({ error: { message: event.message } }); };
globalThis.call = (name, ...args) => new Promise((resolve) => {
	waiting.set(++calls, { resolve, told: [] });
	worker.postMessage({ id: calls, name, args });
});
</script>`,
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
