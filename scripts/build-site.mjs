// Builds the page that draws by itself, with the embedded model in it, into site/ (or the folder given, which is emptied where it holds an earlier one): files for any static host.
import { createHash } from "node:crypto";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve, sep } from "node:path";
import { build } from "vite";

const root = resolve(import.meta.dirname, "..");
const outDir = resolve(process.argv[2] ?? join(root, "site"));
/** What a host of pages takes without asking. */
const MOST_BYTES = 50e6;

// the build empties its folder: one that was given may be somebody's
if (process.argv[2] !== undefined) {
	const there = await readdir(outDir).catch(() => []);
	const built = await readFile(join(outDir, "service-worker.js"), "utf8").catch(
		() => "",
	);
	if (
		there.some((name) => name !== ".git") &&
		!built.startsWith("const VERSION = ")
	) {
		console.error(
			`${outDir} has files that are no site: name an empty folder, or one that is not there yet`,
		);
		process.exit(2);
	}
}
await build({
	configFile: join(root, "web", "vite.site.config.ts"),
	build: { outDir },
});
await writeFile(join(outDir, ".nojekyll"), "");

const files = (await readdir(outDir, { recursive: true, withFileTypes: true }))
	.filter((entry) => entry.isFile())
	.map((entry) => join(entry.parentPath, entry.name))
	.filter((path) => !path.startsWith(join(outDir, ".git", sep)))
	.sort();
const digest = createHash("sha256");
let size = 0;
for (const path of files) {
	const bytes = await readFile(path);
	digest.update(path.slice(outDir.length)).update(bytes);
	size += bytes.length;
}
if (size > MOST_BYTES) {
	// nothing to be served by mistake
	await rm(join(outDir, "index.html"));
	throw new Error(`the site has ${size} bytes, over ${MOST_BYTES}`);
}
const names = files
	.map((path) => path.slice(outDir.length + 1).replaceAll("\\", "/"))
	.filter((name) => !name.startsWith("."));
const version = digest.digest("hex").slice(0, 16);
const worker = await readFile(join(root, "web", "service-worker.js"), "utf8");
await writeFile(
	join(outDir, "service-worker.js"),
	`const VERSION = ${JSON.stringify(version)};\nconst FILES = ${JSON.stringify(["./", ...names])};\n${worker}`,
);
console.log(
	`${outDir}: ${names.length + 1} files, ${(size / 1e6).toFixed(1)} MB`,
);
