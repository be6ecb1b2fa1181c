import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { gigabytes, seconds } from "./measure.js";
import { printTable } from "./table.js";

const cases = [
	["none", "extended", "beside"],
	["lora", "extended", "beside"],
	["lora", "extended", "folded"],
	["lokr", "extended", "folded"],
	["none", "all", "folded"],
	["lora", "all", "beside"],
	["lora", "all", "folded"],
	["lokr", "all", "folded"],
] as const;

/** What adapters cost: a run of the whole UNet (two samples, 32 x 32 latents), loading it, and memory; each case in a process of its own. */
export async function adapters(): Promise<void> {
	const rows = cases.map(([kind, optimization, lowRank]) => {
		const answer = execFileSync(
			process.execPath,
			[
				join(import.meta.dirname, "adaptersProcess.js"),
				...[kind, optimization, lowRank, "4"],
			],
			{ stdio: ["ignore", "pipe", "inherit"], encoding: "utf8" },
		);
		const told = JSON.parse(answer) as {
			loading: number;
			seconds: number[];
			processor: number[];
			memory: number;
		};
		return [
			kind,
			optimization,
			kind === "none" ? "" : lowRank,
			seconds(told.seconds.slice(1)),
			seconds(told.processor.slice(1)),
			told.loading.toFixed(1),
			gigabytes(told.memory),
		];
	});
	printTable(
		"Adapters of rank 32 on all transformers of a UNet: seconds a run, min / median",
		[
			"adapter",
			"optimization",
			"low rank",
			"run",
			"processor",
			"loading",
			"peak memory",
		],
		rows,
	);
}
