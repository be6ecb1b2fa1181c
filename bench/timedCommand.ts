import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";

/** What a command took, from its start to its end. */
export interface TimedCommand {
	readonly seconds: number;
	/** The most memory it had resident, and the most of it that was its own and not mapped from files: bytes, sampled, Linux only. */
	readonly peak: number;
	readonly peakPrivate: number;
	/** The last line that it printed. */
	readonly lastLine: string;
}

/** Runs a command to its end. @throws Error when it fails. */
export async function timedCommand(
	command: string,
	words: readonly string[],
	environment: Readonly<Record<string, string>> = {},
): Promise<TimedCommand> {
	const started = performance.now();
	const child = spawn(command, words, {
		stdio: ["ignore", "pipe", "inherit"],
		env: { ...process.env, ...environment },
	});
	let output = "";
	child.stdout.setEncoding("utf8").on("data", (text: string) => {
		output = (output + text).slice(-10_000);
	});
	let peak = 0;
	let peakPrivate = 0;
	const timer = setInterval(() => {
		readFile(`/proc/${child.pid}/status`, "utf8").then(
			(status) => {
				const of = (key: string) =>
					1024 * Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)?.[1] ?? 0);
				peak = Math.max(peak, of("VmHWM"));
				peakPrivate = Math.max(peakPrivate, of("RssAnon"));
			},
			() => undefined,
		);
	}, 50);
	const code = await new Promise<number | null>((resolve, reject) => {
		child.once("close", resolve);
		child.once("error", reject);
	}).finally(() => clearInterval(timer));
	if (code !== 0)
		throw new Error(`${command} ${words.join(" ")} ended with code ${code}`);
	return {
		seconds: (performance.now() - started) / 1000,
		peak,
		peakPrivate,
		lastLine: output.trimEnd().split("\n").at(-1) ?? "",
	};
}
