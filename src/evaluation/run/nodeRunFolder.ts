import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import {
	parseResolvedProtocol,
	type ResolvedProtocol,
} from "../../datasets/protocol.js";
import { OptionError } from "../../errors/optionError.js";
import { UserError } from "../../errors/userError.js";
import { makeFolder } from "../../files/nodeMakeFolder.js";
import {
	longestText,
	readRegularText,
} from "../../files/nodeReadRegularFile.js";
import { writeWhole } from "../../files/nodeWriteWhole.js";
import {
	checkComparable,
	parseRunDefinition,
	type RunDefinition,
} from "./runDefinition.js";

/** Where the parts of a run folder lie. */
export const runFolder = (out: string) => ({
	definition: join(out, "run.json"),
	captions: join(out, "captions.json"),
	records: join(out, "records"),
	images: join(out, "images"),
});

/** The definition in a run folder, or undefined where there is none yet. */
export async function readRunDefinition(
	out: string,
): Promise<RunDefinition | undefined> {
	const path = runFolder(out).definition;
	const text = await readRegularText(path, longestText).catch(
		(error: UserError) => {
			if (error.code === "not_found") return undefined;
			const { code } = (error.cause ?? {}) as NodeJS.ErrnoException;
			if (code === "ENOTDIR")
				throw new OptionError("out", `${out} is no folder`);
			throw error;
		},
	);
	return text === undefined ? undefined : parseRunDefinition(text, path);
}

/** The captions, seeds and reals of a run folder. @throws UserError when they are missing or malformed */
export async function readRunCaptions(out: string): Promise<ResolvedProtocol> {
	const path = runFolder(out).captions;
	const text = await readRegularText(path, longestText).catch(() => {
		throw new UserError(
			`${path} cannot be read: ${out} is no folder of a run, or it is incomplete`,
		);
	});
	return parseResolvedProtocol(text, path);
}

/** Whether there are records of nobody knows which run. */
async function hasStrayRecords(out: string): Promise<boolean> {
	const { records, definition } = runFolder(out);
	const names = await readdir(records);
	if (!names.some((name) => name.endsWith(".jsonl"))) return false;
	// looked for after the records: another process may have begun the run in between
	return !(await stat(definition).catch(() => undefined));
}

/**
 * Makes a run folder, or takes up the one that is there.
 * @throws UserError that names the differing field when the folder is of another run
 */
export async function openRunFolder(
	out: string,
	definition: RunDefinition,
	captions: ResolvedProtocol,
): Promise<void> {
	const paths = runFolder(out);
	await makeFolder(paths.records);
	if (await hasStrayRecords(out))
		throw new OptionError(
			"out",
			`${paths.records} has records, but ${paths.definition} is missing, which says of which run: put it back, or take another folder`,
		);
	await writeWhole(paths.captions, JSON.stringify(captions, null, "\t"), {
		keep: true,
	});
	// of several processes that begin at once, one is the first; the others must want the same
	await writeWhole(
		paths.definition,
		`${JSON.stringify(definition, null, "\t")}\n`,
		{ keep: true },
	);
	const there = await readRunDefinition(out);
	if (there) checkComparable(definition, there, paths.definition);
}
