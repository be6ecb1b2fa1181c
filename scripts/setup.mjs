// Makes a fresh clone runnable: installs the packages when they are missing or older than the lock file,
// builds when a source is newer than the last build. Silent when there is nothing to do.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

const modified = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);

function newest(folder) {
	let latest = 0;
	for (const entry of readdirSync(folder, { withFileTypes: true })) {
		const path = join(folder, entry.name);
		latest = Math.max(
			latest,
			entry.isDirectory() ? newest(path) : modified(path),
		);
	}
	return latest;
}

function run(words) {
	// npm's own words go to stderr, so that `npm start -- --json` keeps stdout clean
	const { status } = spawnSync("npm", words, {
		cwd: root,
		stdio: ["ignore", 2, 2],
		shell: process.platform === "win32",
		env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip" },
	});
	if (status !== 0) process.exit(status ?? 1);
}

if (
	modified(join(root, "node_modules/.package-lock.json")) <
	modified(join(root, "package-lock.json"))
)
	run(["ci", "--no-fund", "--no-audit", "--loglevel=error"]);
// what a build writes first and last: one that failed counts for nothing
if (
	Math.min(
		modified(join(root, "dist/cli/main.js")),
		modified(join(root, "dist/web/index.html")),
	) <
	Math.max(
		newest(join(root, "src")),
		newest(join(root, "web")),
		modified(join(root, "package.json")),
	)
)
	run(["run", "--silent", "build"]);
