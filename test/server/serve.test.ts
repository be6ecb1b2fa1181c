import { once } from "node:events";
import { expect, test } from "vitest";
import { emptyFolder, fdiff, root, tinySd } from "../cli/runProgram.js";
import { eventsOf, long, quick } from "./startServer.js";

const folder = emptyFolder();
const key = { FDIFF_KEYS: "serve-0123456789abcdef" };
const one = { ...quick, steps: 100 };
const post = (url: string, body: object) =>
	fetch(url, {
		method: "POST",
		headers: { "content-type": "application/json" },
		body: JSON.stringify(body),
	});

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
	[
		"the answer of the request that drew it",
		async (url: string, running: () => void) => {
			const answer = post(`${url}/sdapi/v1/txt2img`, one);
			for (;;) {
				const { jobs } = (await (await fetch(`${url}/api/jobs`)).json()) as {
					jobs: { state: string }[];
				};
				if (jobs[0]?.state === "running") break;
			}
			running();
			const { images } = (await (await answer).json()) as {
				images: string[];
			};
			return images.length;
		},
	],
	[
		"a request of its own",
		async (url: string, running: () => void) => {
			const { links } = (await (await post(`${url}/api/jobs`, one)).json()) as {
				links: { self: string; events: string };
			};
			const events = await fetch(`${url}${links.events}`);
			for await (const { event } of eventsOf(events))
				if (event === "started") running();
			const { status } = await fetch(`${url}${links.self}/images/0.png`);
			return status === 200 ? 1 : 0;
		},
	],
])(
	"the image of the last job of a server that is stopped is had by %s",
	async (_, ask) => {
		let images: Promise<number> | undefined;
		const { code, stderr } = await fdiff(
			["serve", "--port", "0", "--json", "--model", `tiny=${tinySd}`],
			folder,
			async (child) => {
				const [line] = (await once(child.stdout!, "data")) as [string];
				const { url } = JSON.parse(line.split("\n")[0]);
				images = ask(url, () => child.kill("SIGTERM"));
				images.catch(() => child.kill("SIGKILL"));
			},
		);
		expect(await images).toBe(1);
		expect([code, stderr]).toEqual([0, ""]);
	},
);

test.each<[string[], RegExp, Record<string, string>?]>([
	[["--host", "0.0.0.0"], /^fdiff: --host: .*a key is needed/],
	[["--drain-seconds", "3000000"], /^fdiff: --drain-seconds: .* 2000000/],
	[
		["--host", "192.0.2.1"],
		/^fdiff: --host: 192\.0\.2\.1 is no address of/,
		key,
	],
	[["--max-steps", "0"], /^fdiff: --max-steps: 0 is below 1/],
	[["--model", "a=x", "--model", "a=y"], /^fdiff: .*x/],
	[["--key-file", "none"], /^fdiff: --key-file: none does not exist/],
])("fdiff serve %j is refused", async (words, message, environment = {}) => {
	const { code, stderr } = await fdiff(
		["serve", "--port", "0", ...words],
		root,
		undefined,
		environment,
	);
	expect(stderr).toMatch(message);
	expect(code).toBeGreaterThan(0);
});
