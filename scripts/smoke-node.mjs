// Runs the built program with other versions of Node: the oldest that package.json promises, and those named on the command
// line. Their binaries come from the registry (the package `node`).
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { argv, exit } from "node:process";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const { engines } = JSON.parse(
	readFileSync(join(root, "package.json"), "utf8"),
);
const oldest = engines.node.replace(">=", "");
const folder = mkdtempSync(join(tmpdir(), "fdiff-node-"));
const program = join(root, "dist", "cli", "main.js");

for (const version of [oldest, ...argv.slice(2)]) {
	const node = (...words) => {
		const { status, stdout, stderr } = spawnSync(
			"npx",
			["--yes", "--package", `node@${version}`, "--", "node", ...words],
			{ cwd: folder, encoding: "utf8" },
		);
		if (status === 0) return stdout.trim();
		console.error(`Node ${version}: ${words.join(" ")}: ${status}\n${stderr}`);
		exit(1);
	};
	const exact = node("--version");
	const picture = join(folder, `${exact}.png`);
	node(
		program,
		"a red apple",
		"--steps",
		"2",
		"--seed",
		"1",
		"--output",
		picture,
	);
	node(program, "models", "verify", "emoji");
	node(program, "merge", "--help");
	node(
		"--input-type=module",
		"--eval",
		`const { loadPipeline } = await import(${JSON.stringify(join(root, "dist", "index.js"))});
		const pipeline = await loadPipeline();
		const [image] = await pipeline.generate({ prompt: "a red apple", steps: 2 });
		if ((await image.encode("webp")).length < 100) throw new Error("no bytes");
		await pipeline[Symbol.asyncDispose]();`,
	);
	console.log(`Node ${exact}: a picture of ${statSync(picture).size} bytes`);
}
rmSync(folder, { recursive: true, force: true });
