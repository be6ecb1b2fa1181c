import { readFileSync } from "node:fs";
import { lineProcess } from "./lineProcess.js";
import { gigabytes, median } from "./measure.js";
import { printTable } from "./table.js";

/** Who takes part: a program that answers each line with the seconds of a run and its memory. */
export interface Contender {
	readonly name: string;
	readonly command: string;
	readonly words: readonly string[];
}

/** What is asked of all contenders: a line, and how often after the run that does not count. */
export interface Task {
	readonly name: string;
	readonly line: string;
	readonly rounds: number;
}

/** What a contender answers a line with, as JSON; bytes for memory. */
export interface Answer {
	readonly seconds: number;
	readonly loading?: number;
	readonly peak?: number;
	readonly private?: number;
	readonly mapped?: number;
}

/**
 * Runs tasks in turns, each contender in a process of its own, one running while the others wait, and prints a table with each one's time as a
 * ratio of the first contender's. Who cannot be started is left out. FDIFF_BENCH_ONLY, a regular expression over names, takes some of them
 * (the first always takes part).
 */
export async function contest(
	title: string,
	contenders: readonly Contender[],
	tasks: readonly Task[],
): Promise<void> {
	const only = new RegExp(process.env.FDIFF_BENCH_ONLY ?? "");
	const running = [];
	for (const [index, { name, command, words }] of contenders.entries()) {
		if (index > 0 && !only.test(name)) continue;
		const started = await lineProcess(command, words, {
			showErrors: process.env.FDIFF_BENCH_ERRORS === "1",
		});
		if (started) running.push({ name, process: started.process });
		else process.stderr.write(`${name} is left out: it cannot be started\n`);
	}
	const [base] = running;
	if (base?.name !== contenders[0].name) {
		process.stderr.write(
			`${title}: left out, since all is compared with ${contenders[0].name}\n`,
		);
		for (const { process } of running) await process.close();
		return;
	}
	const rows: string[][] = [];
	for (const task of tasks) {
		const times = new Map<string, number[]>();
		const first = new Map<string, Answer>();
		const last = new Map<string, Answer>();
		for (let round = 0; round <= task.rounds; round++)
			for (const { name, process } of running) {
				const answer = JSON.parse(await process.ask(task.line)) as Answer;
				if (round === 0) first.set(name, answer);
				else times.set(name, [...(times.get(name) ?? []), answer.seconds]);
				last.set(name, answer);
			}
		const bases = times.get(base.name) ?? [];
		for (const [name, took] of times)
			rows.push([
				task.name,
				name,
				`${Math.min(...took).toFixed(3)} / ${median(took).toFixed(3)}`,
				`${(Math.min(...took) / Math.min(...bases)).toFixed(2)} / ${(median(took) / median(bases)).toFixed(2)}`,
				cell(first.get(name)?.loading, (value) => value.toFixed(2)),
				cell(last.get(name)?.peak, gigabytes),
				cell(last.get(name)?.private, gigabytes),
				cell(last.get(name)?.mapped, gigabytes),
			]);
	}
	for (const { process } of running) await process.close();
	printTable(
		title,
		[
			"task",
			"who",
			"seconds, min / median",
			"of the first's",
			"loading, s",
			"peak",
			"private",
			"mapped",
		],
		rows,
	);
}

/** This process's resident bytes: the most so far, those of its own, and those mapped from files (Linux only). */
export function residentMemory(): Required<
	Pick<Answer, "peak" | "private" | "mapped">
> {
	const status = readFileSync("/proc/self/status", "utf8");
	const of = (key: string) =>
		1024 * Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)?.[1] ?? 0);
	return { peak: of("VmHWM"), private: of("RssAnon"), mapped: of("RssFile") };
}

function cell(
	value: number | undefined,
	text: (value: number) => string,
): string {
	return value === undefined ? "-" : text(value);
}
