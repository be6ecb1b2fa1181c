import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { loadPipeline } from "../src/pipeline/nodeLoadPipeline.js";
import { EMBEDDED_MODEL } from "../src/weights/nodeEmbeddedModels.js";
import { printTable } from "./table.js";

const root = join(import.meta.dirname, "..", "..");
/** Seconds of each load; FDIFF_BENCH_SECONDS says another number. */
const SECONDS = Number(process.env.FDIFF_BENCH_SECONDS ?? 120);
/** Jobs that are drawn together, where it is not as many as by default. */
const BATCH = process.env.FDIFF_BENCH_BATCH;
const LOADS = [1, 4, 16, 64];
/** Jobs that the server takes at a time: below the most clients, so that it is overloaded. */
const QUEUE = 32;
const image = { prompt: "a red apple", steps: 20 } as const;

/** `fdiff serve` under load beside the pipeline alone, with the embedded model: images a second, times, memory, what is refused. */
export async function server(): Promise<void> {
	const rows: string[][] = [];
	const before = await bare();
	process.stderr.write(`pipeline alone: ${before.toFixed(2)} images/s\n`);
	const child = spawn(
		process.execPath,
		[
			join(root, "dist", "cli", "main.js"),
			...["serve", "--port", "0", "--json", "--max-queue", String(QUEUE)],
			// finished pictures are kept for a while: shorter than a load, so that a leak would be seen beside them
			...["--keep-seconds", "30"],
			...(BATCH ? ["--batch", BATCH] : []),
		],
		{ stdio: ["ignore", "pipe", "inherit"] },
	);
	try {
		const [line] = (await once(child.stdout, "data")) as [Buffer];
		child.stdout.resume();
		const { url } = JSON.parse(line.toString().split("\n")[0]) as {
			url: string;
		};
		await draw(url);
		for (const clients of LOADS) {
			const row = (await load(url, clients, child))(before);
			process.stderr.write(`${row.join(", ")}\n`);
			rows.push(row);
		}
	} finally {
		child.kill("SIGTERM");
		await once(child, "close");
	}
	const after = await bare();
	rows.push([
		"pipeline alone, before and after",
		`${before.toFixed(2)}, ${after.toFixed(2)}`,
		...["", "", "", "", "", ""],
	]);
	printTable(
		`Server with the embedded model, ${image.steps} steps, ${SECONDS} s each`,
		[
			"clients",
			"images/s",
			"of the pipeline alone",
			"p50 / p99 s",
			"waited, mean s",
			"429",
			"other errors",
			"memory MiB: first, last, most",
		],
		rows,
	);
}

/** Images a second of the pipeline in this process. */
async function bare(): Promise<number> {
	await using pipeline = await loadPipeline(
		join(root, "models", EMBEDDED_MODEL),
		{ keepResident: true },
	);
	await pipeline.generate({ ...image, seed: 0 });
	const started = performance.now();
	const until = started + (1000 * SECONDS) / 2;
	let images = 0;
	for (; performance.now() < until; images++)
		await pipeline.generate({ ...image, seed: images });
	return (1000 * images) / (performance.now() - started);
}

async function draw(url: string): Promise<Response> {
	const response = await fetch(`${url}/v1/images/generations`, {
		method: "POST",
		headers: { "content-type": "application/json" },
		body: JSON.stringify(image),
	});
	await response.arrayBuffer();
	return response;
}

async function load(url: string, clients: number, child: ChildProcess) {
	const waitedBefore = await waits(url);
	const started = performance.now();
	const until = started + 1000 * SECONDS;
	const times: number[] = [];
	let busy = 0;
	let errors = 0;
	const client = async () => {
		while (performance.now() < until) {
			const asked = performance.now();
			const { status, headers } = await draw(url);
			if (status === 200) times.push((performance.now() - asked) / 1000);
			else if (status === 429) {
				busy++;
				await delay(1000 * Number(headers.get("retry-after") ?? 1));
			} else errors++;
		}
	};
	const memory: number[] = [];
	const watch = async () => {
		while (performance.now() < until) {
			memory.push(await residentMebibytes(child));
			await delay(1000);
		}
	};
	await Promise.all([watch(), ...Array.from({ length: clients }, client)]);
	const seconds = (performance.now() - started) / 1000;
	const waited = await waits(url);
	return (alone: number): string[] => {
		const rate = times.length / seconds;
		return [
			String(clients),
			rate.toFixed(2),
			`${((100 * rate) / alone).toFixed(0)} %`,
			`${percentile(times, 0.5).toFixed(2)} / ${percentile(times, 0.99).toFixed(2)}`,
			(
				(waited.sum - waitedBefore.sum) /
				(waited.count - waitedBefore.count)
			).toFixed(2),
			String(busy),
			String(errors),
			[memory[0], memory[memory.length - 1], Math.max(...memory)].join(", "),
		];
	};
}

/** The server's own count of seconds that jobs have waited. */
async function waits(url: string): Promise<{ sum: number; count: number }> {
	const text = await (await fetch(`${url}/metrics`)).text();
	const value = (name: string) =>
		Number(
			new RegExp(`^fdiff_job_wait_seconds_${name} (\\S+)`, "m").exec(text)?.[1],
		);
	return { sum: value("sum"), count: value("count") };
}

/** Of the server's process; NaN where this is not Linux. */
async function residentMebibytes({ pid }: ChildProcess): Promise<number> {
	const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
	const [, kibibytes] = /VmRSS:\s+(\d+)/.exec(status) ?? [];
	return Math.round(Number(kibibytes) / 1024);
}

function percentile(values: readonly number[], share: number): number {
	const sorted = values.toSorted((a, b) => a - b);
	return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}
