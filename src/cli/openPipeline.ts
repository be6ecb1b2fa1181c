import { loadPipeline } from "../pipeline/nodeLoadPipeline.js";
import type { Pipeline, PipelineOptions } from "../pipeline/pipeline.js";
import { downloadProgress } from "./downloadProgress.js";
import { type ModelFlags, pipelineOptions } from "./generationFlags.js";

/**
 * The pipeline that the flags name, with a bar while its files come from the Hub.
 * @throws UserError when the model cannot be had, or is malformed
 */
export async function openPipeline(
	flags: ModelFlags,
	signal: AbortSignal,
	options: Pick<PipelineOptions, "keepResident" | "shareCalls"> = {},
): Promise<Pipeline> {
	const download = downloadProgress("downloading", flags.quiet === true);
	try {
		return await loadPipeline(flags.model, {
			...pipelineOptions(flags),
			...options,
			onProgress: download.update,
			signal,
		});
	} finally {
		download.stop();
	}
}
