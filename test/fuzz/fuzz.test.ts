import { spawn } from "node:child_process";
import { expect, test } from "vitest";
import { bundleFuzzer } from "./bundle.mjs";
import type { Report } from "./report.js";

/** Every target has a short turn, however little time there is; `npm run fuzz` does more of them. */
const MINUTES = Number(process.env.FUZZ_MINUTES ?? 0.02);
const TURN = MINUTES > 0.1 ? 250 : 80;
const SEED = process.env.FUZZ_SEED ?? "1";

test("what strangers write is read, or refused by a UserError of one line: no crash, no hang, no burst of memory", {
	timeout: 60_000 * (MINUTES + 3),
}, async () => {
	const child = spawn(
		process.execPath,
		[
			...[await bundleFuzzer(), "--minutes", `${MINUTES}`, "--seed", SEED],
			...["--turn", `${TURN}`],
		],
		{ stdio: ["ignore", "pipe", "inherit"] },
	);
	let output = "";
	child.stdout.setEncoding("utf8").on("data", (text) => {
		output += text;
	});
	const ending = await new Promise((resolve) =>
		child.on("close", (code, signal) => resolve(signal ?? code)),
	);
	expect(ending).not.toBeNull();
	// a signal: the process itself died
	expect(output.trim(), `ended by ${ending}`).toMatch(/^\{.*\}$/);
	const { faults, tried } = JSON.parse(output) as Report;
	expect(faults).toEqual([]);
	expect(Object.values(tried).length).toBeGreaterThan(30);
	for (const [target, count] of Object.entries(tried))
		expect(count, target).toBeGreaterThan(0);
});

test("a raw error, an endless loop, a burst of memory and a rejection that nobody hears are seen", async () => {
	const child = spawn(
		process.execPath,
		[
			...[await bundleFuzzer(), "--minutes", "3", "--inputs", "4"],
			// whose first four inputs are of the four kinds; a busy machine takes more than a second of the processor to fill a gigabyte
			...["--target", "faulty", "--seed", "16", "--seconds", "4"],
		],
		{ stdio: ["ignore", "pipe", "ignore"] },
	);
	let output = "";
	child.stdout.setEncoding("utf8").on("data", (text) => {
		output += text;
	});
	const code = await new Promise((resolve) => child.on("close", resolve));
	expect(code).toBe(1);
	const { faults } = JSON.parse(output) as Report;
	expect(faults.map(({ what }) => what).sort()).toEqual([
		expect.stringMatching(/^\d+ bytes of memory$/),
		expect.stringMatching(/^TypeError: "raw"/),
		"never ends",
		expect.stringMatching(/^unhandledRejection: RangeError/),
	]);
});
