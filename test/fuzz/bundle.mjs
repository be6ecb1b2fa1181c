import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

const root = join(import.meta.dirname, "..", "..");

/** Writes dist-fuzz/: the fuzzer, over the program as it is built in dist/. */
export async function bundleFuzzer() {
	await build({
		entryPoints: ["main.ts", "thread.ts"].map((name) =>
			join(import.meta.dirname, name),
		),
		outdir: join(root, "dist-fuzz"),
		...{ bundle: true, format: "esm", platform: "node", target: "node20" },
		packages: "external",
		logLevel: "warning",
		plugins: [
			{
				name: "built",
				setup({ onResolve }) {
					onResolve({ filter: /\/src\// }, ({ path }) => ({
						path: path.replace(/^.*\/src\//, "../dist/"),
						external: true,
					}));
				},
			},
		],
	});
	return join(root, "dist-fuzz", "main.js");
}

if (import.meta.url === pathToFileURL(process.argv[1]).href)
	console.log(await bundleFuzzer());
