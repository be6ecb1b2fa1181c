import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gigabytes } from "./measure.js";
import { randomModel } from "./randomModel.js";
import { printTable } from "./table.js";
import { timedCommand } from "./timedCommand.js";

const root = join(import.meta.dirname, "..", "..");

/** The command line from start to end: seconds, and the most memory it had (sampled, Linux only). */
export async function commandLine(): Promise<void> {
	const folder = await mkdtemp(join(tmpdir(), "fdiff-bench-"));
	try {
		const output = ["--seed", "1", "--output", join(folder, "image.png")];
		const large = ["--model", await randomModel(), ...output];
		const rows: string[][] = [];
		for (const [name, words, rounds] of [
			["--version", ["--version"], 3],
			["embedded model, 1 step", ["a red apple", "--steps", "1", ...output], 3],
			["embedded model, as it comes", ["a red apple", ...output], 3],
			[
				"Stable Diffusion v1.5's size, 256 x 256, 1 step",
				[
					"an apple",
					"--steps",
					"1",
					"--width",
					"256",
					"--height",
					"256",
					...large,
				],
				1,
			],
			[
				"Stable Diffusion v1.5's size, 512 x 512, 8 steps",
				["an apple", "--steps", "8", ...large],
				1,
			],
		] as const) {
			let best = Number.POSITIVE_INFINITY;
			let peak = 0;
			for (let round = 0; round < rounds; round++) {
				const run = await timedCommand(process.execPath, [
					join(root, "dist", "cli", "main.js"),
					...words,
				]);
				best = Math.min(best, run.seconds);
				peak = Math.max(peak, run.peak);
			}
			rows.push([name, best.toFixed(2), peak ? gigabytes(peak) : "-"]);
		}
		printTable(
			"Command line, start to image on disk",
			["what", "seconds", "peak memory"],
			rows,
		);
	} finally {
		await rm(folder, { recursive: true });
	}
}
