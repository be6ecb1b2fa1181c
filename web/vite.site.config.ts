import { fileURLToPath } from "node:url";
import { defineConfig, mergeConfig } from "vite";
import page from "./vite.config.js";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The page that draws by itself, as a folder for any static host (scripts/build-site.mjs adds its model). */
export default defineConfig(
	mergeConfig(page, {
		build: { outDir: here("../site") },
		worker: { format: "es" },
		resolve: {
			// the model of the site is drawn with on WebAssembly; what is for graphics devices has 43 MB
			alias: ["jspi", "webgpu"].map((build) => ({
				find: `onnxruntime-web/${build}`,
				replacement: here("./src/local/noRuntime.ts"),
			})),
		},
		plugins: [
			{
				name: "draw in the page",
				transformIndexHtml: {
					order: "pre",
					handler: (html: string) =>
						html.replace("./src/main.tsx", "./src/local/main.tsx"),
				},
			},
		],
	}),
);
