import { once } from "node:events";
import { expect, test } from "vitest";
import { emptyFolder, fdiff, root, tinySd } from "../cli/runProgram.js";
import { eventsOf, long } from "./startServer.js";

const folder = emptyFolder();

test("fdiff serve says where it listens; when it is stopped, jobs that run are done first", async () => {
	let url = "";
	const ended = fdiff(
		["serve", "--port", "0", "--json", "--model", `tiny=${tinySd}`],
		folder,
		async (child) => {
			const [line] = (await once(child.stdout!, "data")) as [string];
			const listening = JSON.parse(line.split("\n")[0]);
			expect(listening).toMatchObject({ event: "listening", models: ["tiny"] });
			url = listening.url;
			const submit = () =>
				fetch(`${url}/api/jobs`, {
					method: "POST",
					headers: { "content-type": "application/json" },
					body: JSON.stringify({ ...long, steps: 20, numImages: 2 }),
				});
			const job = (await (await submit()).json()) as {
				links: { events: string };
			};
			const events = eventsOf(await fetch(`${url}${job.links.events}`));
			const heard: string[] = [];
			for await (const { event } of events) {
				heard.push(event ?? "");
				if (heard.length === 6) {
					child.kill("SIGTERM");
					while ((await fetch(`${url}/readyz`)).status === 200);
					expect((await submit()).status).toBe(503);
				}
			}
			expect(heard.filter((event) => event === "image")).toHaveLength(2);
			expect(heard.at(-1)).toBe("done");
		},
	);
	const { code, stdout, stderr } = await ended;
	expect(stderr).toBe("");
	expect(code).toBe(0);
	expect(stdout).toContain('"event":"ended"');
	expect(stdout).not.toContain("apple");
});

test.each([
	[["--host", "0.0.0.0"], /^fdiff: --host: .*a key is needed/],
	[["--max-steps", "0"], /^fdiff: --max-steps: 0 is below 1/],
	[["--model", "a=x", "--model", "a=y"], /^fdiff: .*x/],
	[["--key-file", "none"], /^fdiff: --key-file: none does not exist/],
])("fdiff serve %j is refused", async (words, message) => {
	const { code, stderr } = await fdiff(
		["serve", "--port", "0", ...words],
		root,
	);
	expect(stderr).toMatch(message);
	expect(code).toBeGreaterThan(0);
});
