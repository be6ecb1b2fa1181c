import { readFileSync } from "node:fs";
import { join } from "node:path";

interface Counts {
	readonly width: number;
	readonly n1: number;
	readonly n2: number;
}

/** What test/reference/metrics.py wrote. */
interface MetricsGolden {
	readonly frechet: readonly (Counts & {
		readonly pytorch_fid: number | null;
		readonly torch_fidelity: number;
	})[];
	readonly kid: readonly (Counts & {
		readonly subsets: number;
		readonly size: number;
		readonly mean: number;
		readonly std: number;
	})[];
	readonly isc: readonly {
		readonly count: number;
		readonly width: number;
		readonly splits: number;
		readonly mean: number;
		readonly std: number;
	}[];
	readonly permutations: readonly number[][];
	readonly permutation_calls: readonly number[][];
	readonly clip: {
		readonly cosines: number[];
		readonly torchmetrics: number;
		readonly hessel: number[];
	};
	readonly cmmd: number;
}

export const golden = JSON.parse(
	readFileSync(join(import.meta.dirname, "../golden/metrics.json"), "utf8"),
) as MetricsGolden;
