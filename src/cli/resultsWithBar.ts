import { writeResults } from "../evaluation/results/nodeWriteResults.js";
import type { Results } from "../evaluation/results/results.js";
import { frechetThread } from "../metrics/nodeFrechetThread.js";
import type { SessionOptions } from "../runtime/session.js";
import { progressBars } from "./progressBars.js";

/** Computes and writes the results of a complete run folder, with a bar; Ctrl-C ends it at any moment. */
export async function resultsWithBar(
	out: string,
	{
		session,
		limit,
		signal,
		quiet,
	}: {
		session?: SessionOptions;
		limit: number;
		signal: AbortSignal;
		quiet: boolean;
	},
): Promise<Results> {
	const bar = progressBars(quiet);
	const frechet = frechetThread(signal);
	try {
		return await writeResults(out, {
			session,
			limit,
			frechet,
			signal,
			onProgress: bar.update,
		});
	} finally {
		bar.stop();
		await frechet.release();
	}
}
