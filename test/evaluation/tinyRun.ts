import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import type { Results } from "../../src/evaluation/results/results.js";

const models = join(import.meta.dirname, "..", "models");
const program = join(import.meta.dirname, "../../dist/cli/main.js");

/** Three pictures with captions, in a new folder. */
export async function tinyDataset(folder: string): Promise<void> {
	mkdirSync(folder, { recursive: true });
	const rows: string[] = ["file_name,caption"];
	for (const [n, colour] of ["red", "green", "blue", "grey"].entries()) {
		await sharp({
			create: { width: 80, height: 64, channels: 3, background: colour },
		})
			.png()
			.toFile(join(folder, `${n}.png`));
		rows.push(`${n}.png,"a ${colour} wall, <b>painted</b>"`);
	}
	writeFileSync(join(folder, "captions.csv"), rows.join("\n"));
}

/** The model and the judge of evaluations that take a second or two. */
export const tinyNetworks = [
	...["--model", join(models, "tiny-sd"), "--fid", "none"],
	...["--clip", join(models, "tiny-clip"), "--threads", "1"],
	...["--width", "64", "--height", "64"],
];

/** Words of an evaluation of `dataset` into `out` that takes a second or two. */
export function tinyEvaluation(dataset: string, out: string): string[] {
	return [
		...["evaluate", "--protocol", "every-image", "--dataset", dataset],
		...[
			"--methods",
			"ddim-3,ddim-3+keys:0/1,ddim-3+ucache:0.5,ddim-5+adaptive:9",
		],
		...["--out", out, ...tinyNetworks, "--quiet"],
	];
}

/** Starts a command of the built program. */
export function start(words: readonly string[]): ChildProcess {
	return spawn(process.execPath, [program, ...words], {
		stdio: ["ignore", "pipe", "pipe"],
	});
}

/** Waits for the end; what it wrote to stderr, and its exit code (null where it was killed). */
export async function ended(
	child: ChildProcess,
): Promise<{ code: number | null; errors: string }> {
	let errors = "";
	child.stderr?.on("data", (text: Buffer) => {
		errors += text.toString();
	});
	child.stdout?.resume();
	return new Promise((resolve) =>
		child.on("close", (code) => resolve({ code, errors })),
	);
}

/** results.json without what differs from run to run: times, memory, machines. */
export function resultsOf(out: string): unknown {
	const results = JSON.parse(
		readFileSync(join(out, "results.json"), "utf8"),
	) as Results;
	return {
		...results,
		methods: results.methods.map((method) => ({ ...method, timing: null })),
		comparisons: results.comparisons.map((one) => ({ ...one, timing: null })),
		machines: null,
		peakMemory: null,
	};
}

/** The lines of all record files of a run folder. */
export function recordLines(out: string): string[] {
	const folder = join(out, "records");
	return readdirSync(folder)
		.filter((name) => name.endsWith(".jsonl"))
		.flatMap((name) =>
			readFileSync(join(folder, name), "utf8").split("\n").filter(Boolean),
		);
}

/** Words of a worker for `tinyEvaluation`. */
export function tinyWorker(url: string): string[] {
	return [
		...["worker", "--queue", url, "--model", join(models, "tiny-sd")],
		...["--fid", "none", "--clip", join(models, "tiny-clip")],
		...["--threads", "1", "--stalled-after", "2"],
	];
}
