// Runs the shell commands of the README and the docs: every line of a fenced block ```sh; blocks fenced as ```sh network or
// ```sh long need what a test machine has not, and are only listed. Each file's commands run in a folder of their own.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const documents = [
	"README.md",
	...readdirSync(join(root, "docs"))
		.filter((name) => name.endsWith(".md"))
		.map((name) => `docs/${name}`),
];

/** What CI runs by itself. */
const ownChecks = new Set([
	"npm test",
	"npm run test:browser",
	"npm run fuzz",
	"npm run check",
]);

// engines are installed and removed: not those of whoever runs this
const cache = mkdtempSync(join(tmpdir(), "fdiff-docs-cache-"));
const ownCache = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");

let passed = 0;
let failed = 0;
let listed = 0;
for (const name of documents) {
	const text = readFileSync(join(root, name), "utf8");
	const folder = mkdtempSync(join(tmpdir(), "fdiff-docs-"));
	for (const [, mark, block] of text.matchAll(/^```sh *(.*)\n([\s\S]*?)^```/gm))
		for (const line of block.split("\n")) {
			const command = line.replace(/\s+#\s.*$/, "").trim();
			if (!command || command.startsWith("#")) continue;
			if (mark.trim() !== "") {
				listed++;
				continue;
			}
			// `npm …` works in the clone; `fdiff` and `npx fdiff` as in a project that has the package
			const inClone = /^npm /.test(command);
			if (ownChecks.has(command)) continue;
			const { status, stderr } = spawnSync("bash", ["-c", command], {
				cwd: inClone ? root : folder,
				encoding: "utf8",
				env: {
					PIP_CACHE_DIR: join(ownCache, "pip"),
					...process.env,
					XDG_CACHE_HOME: cache,
					PATH: `${join(root, "scripts/bin")}${delimiter}${process.env.PATH}`,
				},
				stdio: ["ignore", "ignore", "pipe"],
			});
			if (status === 0) passed++;
			else {
				failed++;
				console.error(`${name}: ${command}: exit code ${status}\n${stderr}`);
			}
		}
	rmSync(folder, { recursive: true, force: true });
}
rmSync(cache, { recursive: true, force: true });
console.log(`${listed} commands need a network or hours and were not run`);
console.log(`docs: ${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
