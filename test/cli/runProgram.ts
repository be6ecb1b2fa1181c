import { type ChildProcess, spawn } from "node:child_process";
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
			env: {
				...process.env,
				HF_HUB_OFFLINE: "1",
				HF_HUB_CACHE: join(cwd, "no-cache"),
				...environment,
			},
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

/** As `fdiff`, and it must succeed. */
export async function fdiffDone(
	words: readonly string[],
	cwd: string,
): Promise<Ended> {
	const ended = await fdiff(words, cwd);
	expect(
		ended.stderr.split("\n").filter((line) => line.startsWith("fdiff:")),
	).toEqual([]);
	expect(ended.code).toBe(0);
	return ended;
}

/** The JSON objects of stdout, which must hold nothing else. */
export const jsonLines = ({ stdout }: Ended) =>
	stdout
		.trimEnd()
		.split("\n")
		.map((line) => JSON.parse(line) as Record<string, unknown>);

/** Everything below a folder, hidden files too, sorted. */
export const listing = (folder: string) =>
	readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
