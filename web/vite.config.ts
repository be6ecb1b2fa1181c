import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The page as `fdiff serve` gives it out: files whose names change with their content, and nothing inline (the server's policy forbids it). */
export default defineConfig({
	root: here("."),
	base: "./",
	logLevel: "warn",
	build: {
		outDir: here("../dist/web"),
		emptyOutDir: true,
		target: "es2022",
		cssTarget: ["chrome123", "firefox120", "safari17.5"],
		assetsInlineLimit: 0,
		modulePreload: { polyfill: false },
		reportCompressedSize: false,
	},
	server: {
		proxy: { "/api": "http://127.0.0.1:7860" },
	},
});
