import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { emptyFolder, fdiffDone, root } from "./cli/runProgram.js";

const read = (name: string) => readFileSync(join(root, "deploy", name), "utf8");
const folder = emptyFolder();

test("the commands in deploy/ have flags that there are", async () => {
	const commands = [
		...read("compose.yaml").matchAll(/command: (\["(?:serve|worker)".*\])/g),
	].map(([, list]) => JSON.parse(list) as string[]);
	const unit = read("fdiff.service");
	const started = [...unit.matchAll(/fdiff ((?:serve|worker) .*)$/gm)];
	for (const [, words] of started) commands.push(words.split(" "));
	const image = /CMD (\[.*\])/.exec(read("Dockerfile"))?.[1] ?? "";
	commands.push(JSON.parse(image));
	expect(commands.length).toBeGreaterThan(4);
	const help = {
		serve: (await fdiffDone(["serve", "--help"], folder)).stdout,
		worker: (await fdiffDone(["worker", "--help"], folder)).stdout,
	};
	for (const [command, ...words] of commands)
		for (const word of words.filter((word) => word.startsWith("--")))
			expect(help[command as keyof typeof help]).toContain(`${word} `);
});

test("the image is built of files that there are", () => {
	const dockerfile = read("Dockerfile");
	const { peerDependencies, bin, files } = JSON.parse(
		readFileSync(join(root, "package.json"), "utf8"),
	);
	expect(dockerfile).toContain(bin.fdiff);
	expect(files).toContain("dist");
	const [, packages] = /packed\/\*\.tgz \\\n\s*(.*) \\/.exec(dockerfile) ?? [];
	for (const name of packages.split(" "))
		expect(peerDependencies).toHaveProperty([name]);
});

const systemd = spawnSync("systemd-analyze", ["--version"]).status === 0;
test.skipIf(!systemd)("the unit is one that systemd takes", () => {
	const path = join(folder, "fdiff.service");
	writeFileSync(
		path,
		read("fdiff.service").replace("/usr/local/bin/fdiff", "/bin/true"),
	);
	const { status, stderr } = spawnSync("systemd-analyze", ["verify", path], {
		encoding: "utf8",
	});
	expect(stderr).toBe("");
	expect(status).toBe(0);
});
