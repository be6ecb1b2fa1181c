import { writeResults } from "../evaluation/results/nodeWriteResults.js";
import type { Results } from "../evaluation/results/results.js";
import { frechetThread } from "../metrics/nodeFrechetThread.js";
import type { SessionOptions } from "../runtime/session.js";
import { progressBar } from "./progressBar.js";

/** Computes and writes the results of a complete run folder, with a bar; Ctrl-C ends it at any moment. */
export async function resultsWithBar(
	out: string,
	{
		session,
		signal,
		quiet,
	}: { session?: SessionOptions; signal: AbortSignal; quiet: boolean },
): Promise<Results> {
	const bar = progressBar({ label: "metrics", total: 0, unit: "it", quiet });
	const frechet = frechetThread(signal);
	try {
		return await writeResults(out, {
			session,
			frechet,
			signal,
			onProgress: (done, total) => bar.update(done, "", total),
		});
	} finally {
		bar.stop();
		await frechet.release();
	}
}
