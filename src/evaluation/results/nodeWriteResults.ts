import { join } from "node:path";
import { captionsHash } from "../../datasets/nodeCaptionsHash.js";
import { UserError } from "../../errors/userError.js";
import { writeWhole } from "../../files/nodeWriteWhole.js";
import { type Records, readRecords } from "../run/nodeRecordFiles.js";
import {
	readRunCaptions,
	readRunDefinition,
	runFolder,
} from "../run/nodeRunFolder.js";
import { featureWidth } from "../scoring/nodeScorer.js";
import { imagesCsv } from "./imagesCsv.js";
import { htmlReport } from "./nodeHtmlReport.js";
import {
	imageOf,
	missingWork,
	type SummaryOptions,
	summarize,
} from "./nodeSummarize.js";
import type { Results } from "./results.js";
import { resultsCsv } from "./resultsCsv.js";
import { resultsDocument } from "./resultsDocument.js";

/** What is in a run folder. */
export interface RunState {
	readonly records: Records;
	/** What is missing, in words; undefined where the run is complete. */
	readonly missing: string | undefined;
}

/** @throws UserError when `out` is no run folder */
export async function readRun(out: string): Promise<RunState> {
	const definition = await readRunDefinition(out);
	if (!definition)
		throw new UserError(`${out} is no folder of a run: run.json is missing`);
	const captions = await readRunCaptions(out);
	if (captionsHash(captions) !== definition.protocol.captions)
		throw new UserError(
			`${runFolder(out).captions} is not the list that run.json was made with: put the right one back, or take another folder`,
		);
	const records = await readRecords(
		runFolder(out).records,
		featureWidth(definition.scoring),
	);
	return { records, missing: missingWork(definition, captions, records) };
}

/**
 * Computes the metrics of a complete run folder and writes results.json, results.csv, images.csv, results.md and report.html
 * into it.
 * @throws UserError when the run is incomplete, or more of the real images are broken than `limit` allows
 */
export async function writeResults(
	out: string,
	options: SummaryOptions = {},
): Promise<Results> {
	const { records } = await readRun(out);
	const definition = await readRunDefinition(out);
	if (!definition) throw new UserError(`${out} is no folder of a run`);
	const captions = await readRunCaptions(out);
	const results = await summarize(definition, captions, records, options);
	await writeWhole(
		join(out, "results.json"),
		`${JSON.stringify(results, null, "\t")}\n`,
	);
	await writeWhole(join(out, "results.csv"), resultsCsv(results));
	await writeWhole(
		join(out, "images.csv"),
		imagesCsv(captions, definition.methods, (index, method) =>
			imageOf(records.get(`${index} ${method}`)),
		),
	);
	await writeWhole(join(out, "results.md"), resultsDocument(results));
	await writeWhole(
		join(out, "report.html"),
		await htmlReport(out, results, captions),
	);
	return results;
}
