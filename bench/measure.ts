import { readFileSync } from "node:fs";
import { arch, availableParallelism, cpus, platform, totalmem } from "node:os";

/** The most memory this process has had resident, in bytes. */
export function peakMemory(): number {
	return process.resourceUsage().maxRSS * 1024;
}

/** The machine, for a table's caption. */
export function machine(): string {
	const model = cpus()[0]?.model ?? arch();
	return `${model}, ${availableParallelism()} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, ${platform()} ${arch()}, Node ${process.versions.node}, load ${load()}`;
}

/** Processes that wanted to run in the last minute: a busy machine's times mean little. */
function load(): string {
	try {
		return readFileSync("/proc/loadavg", "utf8").split(" ", 1)[0];
	} catch {
		return "unknown";
	}
}

export function median(values: readonly number[]): number {
	const sorted = values.toSorted((a, b) => a - b);
	const middle = sorted.length >> 1;
	return sorted.length % 2
		? sorted[middle]
		: (sorted[middle - 1] + sorted[middle]) / 2;
}

/** "min / median" in seconds. */
export function seconds(values: readonly number[]): string {
	return `${Math.min(...values).toFixed(2)} / ${median(values).toFixed(2)}`;
}

export function gigabytes(bytes: number): string {
	return `${(bytes / 1e9).toFixed(2)} GB`;
}
