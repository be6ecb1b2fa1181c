import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { emptyFolder, fdiff, root } from "../cli/runProgram.js";

const page = readFileSync(join(root, "docs", "server.md"), "utf8");
const blocks = [...page.matchAll(/^```sh server\n([\s\S]*?)^```/gm)].map(
	([, block]) => block,
);

test("the commands of docs/server.md work on a server with the embedded model", async () => {
	const folder = emptyFolder();
	const ended = await fdiff(
		["serve", "--port", "0", "--json"],
		folder,
		async (child) => {
			const [line] = (await once(child.stdout!, "data")) as [string];
			const { url } = JSON.parse(line.split("\n")[0]) as { url: string };
			const script = blocks.join("").replaceAll("http://127.0.0.1:7860", url);
			const bash = spawn("bash", ["-euxo", "pipefail", "-c", script], {
				cwd: folder,
				stdio: ["ignore", "ignore", "pipe"],
			});
			let trace = "";
			bash.stderr.on("data", (text) => {
				trace += text;
			});
			const [code] = await once(bash, "close");
			child.kill("SIGTERM");
			expect(code, trace).toBe(0);
		},
	);
	expect(ended.code).toBe(0);
});

test("every endpoint has a command", () => {
	const commands = blocks.join("");
	for (const path of ["/api/jobs", "/events", "/cancel", "/images/0.png"])
		expect(commands).toContain(path);
	const headings = [...page.matchAll(/^### .*$/gm)].join(" ");
	for (const [path] of headings.matchAll(/\/(?:api|v1|sdapi)\/[\w/-]+/g))
		expect(commands).toContain(path.replace(/ID.*/, ""));
});
