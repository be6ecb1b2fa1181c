import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect } from "vitest";

export const root = join(import.meta.dirname, "..", "..");
export const tinySd = join(root, "test", "models", "tiny-sd");
const program = join(root, "dist", "cli", "main.js");

/** How a run of the program ended. */
export interface Ended {
	readonly code: number | null;
	readonly stdout: string;
	readonly stderr: string;
}

/** Flags of a run that takes a second. */
export const quick = [
	...["--model", tinySd, "--width", "64", "--height", "64"],
	...["--steps", "3", "--seed", "5"],
	// several run at the same time: threads that wait for work take it from each other
	...["--threads", "1"],
];

/** An empty folder, gone after the tests of the file. */
export function emptyFolder(): string {
	const folder = mkdtempSync(join(tmpdir(), "fdiff-cli-"));
	afterAll(() => rmSync(folder, { recursive: true, force: true }));
	return folder;
}

/**
 * Runs the built program, offline.
 * @param onStarted is handed the process, to send it signals
 * @param environment variables over the usual ones
 */
export function fdiff(
	words: readonly string[],
	cwd: string,
	onStarted?: (child: ChildProcess) => void,
	environment: Readonly<Record<string, string>> = {},
): Promise<Ended> {
	return new Promise((resolve, reject) => {
		const child = spawn(process.execPath, [program, ...words], {
			cwd,
			env: { ...process.env, ...offline(cwd), ...environment },
			stdio: ["ignore", "pipe", "pipe"],
		});
		let stdout = "";
		let stderr = "";
		child.stdout.setEncoding("utf8").on("data", (text) => {
			stdout += text;
		});
		child.stderr.setEncoding("utf8").on("data", (text) => {
			stderr += text;
		});
		child.on("error", reject);
		child.on("close", (code) => resolve({ code, stdout, stderr }));
		onStarted?.(child);
	});
}

const offline = (cwd: string) => ({
	HF_HUB_OFFLINE: "1",
	HF_HUB_CACHE: join(cwd, "no-cache"),
});

/**
 * As `fdiff`, but one process of its own runs all the command lines, one after the other: for those of which only what they write and how
 * they end is of interest. Behind the last one the process must come to its end by itself.
 */
export function manyRuns(): (
	words: readonly string[],
	cwd: string,
	environment?: Readonly<Record<string, string>>,
) => Promise<Ended> {
	let running: ReturnType<typeof start> | undefined;
	let last: Promise<unknown> = Promise.resolve();
	const start = () => {
		const child = spawn(
			process.execPath,
			[join(import.meta.dirname, "manyRuns.mjs")],
			{ stdio: ["pipe", "pipe", "pipe"] },
		);
		child.stdout.setEncoding("utf8");
		child.stderr.setEncoding("utf8");
		return child;
	};
	afterAll(async () => {
		await last;
		if (!running) return;
		const closed = once(running, "close");
		running.stdin.end();
		expect(await closed).toEqual([0, null]);
	});
	const run = (
		words: readonly string[],
		cwd: string,
		environment: Readonly<Record<string, string>> = {},
	) =>
		new Promise<Ended>((resolve, reject) => {
			running ??= start();
			const child = running;
			const written = { stdout: "", stderr: "" };
			const listeners = (["stdout", "stderr"] as const).map((name) => {
				const listener = (text: string) => {
					written[name] += text;
					const [stdout, stderr] = [written.stdout, written.stderr].map((all) =>
						/^(.*)\0(\d+)\n$/s.exec(all),
					);
					if (!stdout || !stderr) return;
					stop();
					resolve({
						code: Number(stdout[2]),
						stdout: stdout[1],
						stderr: stderr[1],
					});
				};
				child[name].on("data", listener);
				return () => child[name].off("data", listener);
			});
			const died = (code: number | null) => {
				stop();
				running = undefined;
				reject(new Error(`the process ended (${code}): ${written.stderr}`));
			};
			child.on("close", died);
			const stop = () => {
				child.off("close", died);
				for (const off of listeners) off();
			};
			const line = {
				words,
				cwd,
				environment: { ...offline(cwd), ...environment },
			};
			child.stdin.write(`${JSON.stringify(line)}\n`);
		});
	return (...asked) => {
		const mine = last.then(() => run(...asked));
		last = mine.catch(() => undefined);
		return mine;
	};
}

/** What a run has written that succeeded, as it must. */
export function done(ended: Ended): Ended {
	expect(
		ended.stderr.split("\n").filter((line) => line.startsWith("fdiff:")),
	).toEqual([]);
	expect(ended.code).toBe(0);
	return ended;
}

/** As `fdiff`, and it must succeed. */
export const fdiffDone = async (words: readonly string[], cwd: string) =>
	done(await fdiff(words, cwd));

/** The JSON objects of stdout, which must hold nothing else. */
export const jsonLines = ({ stdout }: Ended) =>
	stdout
		.trimEnd()
		.split("\n")
		.map((line) => JSON.parse(line) as Record<string, unknown>);

/** Everything below a folder, hidden files too, sorted. */
export const listing = (folder: string) =>
	readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
