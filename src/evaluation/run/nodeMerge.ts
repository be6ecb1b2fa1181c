import { copyFile, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UserError } from "../../errors/userError.js";
import { makeFolder } from "../../files/nodeMakeFolder.js";
import { featureWidth } from "../scoring/nodeScorer.js";
import {
	featureReader,
	openRecordWriter,
	readDone,
	readRecords,
} from "./nodeRecordFiles.js";
import {
	openRunFolder,
	readRunCaptions,
	readRunDefinition,
	runFolder,
} from "./nodeRunFolder.js";
import { recordKey } from "./record.js";
import { checkComparable } from "./runDefinition.js";

/**
 * Joins run folders (shards of one run) in `out`: every record once, and the images. Can be repeated: what is there is skipped.
 * @throws UserError that names the differing field when the folders are of different runs
 */
export async function mergeRuns(
	folders: readonly string[],
	out: string,
): Promise<void> {
	const [first] = folders;
	const definition = await readRunDefinition(first);
	if (!definition)
		throw new UserError(`${first} is no folder of a run: run.json is missing`);
	for (const folder of folders.slice(1)) {
		const other = await readRunDefinition(folder);
		if (!other)
			throw new UserError(
				`${folder} is no folder of a run: run.json is missing`,
			);
		checkComparable(definition, other, folder);
	}
	await openRunFolder(out, definition, await readRunCaptions(first));
	const width = featureWidth(definition.scoring);
	const writer = await openRecordWriter(
		runFolder(out).records,
		"merged",
		width,
	);
	const reader = featureReader(width);
	try {
		const { keys: done } = await readDone(runFolder(out).records, width);
		for (const folder of folders) {
			const records = await readRecords(runFolder(folder).records, width);
			for (const { record, features } of records.values()) {
				const key = recordKey(record);
				if (done.has(key)) continue;
				await writer.append(
					record,
					features ? await reader.read(features) : undefined,
				);
				done.add(key);
			}
			await copyImages(runFolder(folder).images, runFolder(out).images);
		}
	} finally {
		await reader.close();
		await writer.close();
	}
}

async function copyImages(from: string, to: string): Promise<void> {
	if (from === to) return;
	const entries = await readdir(from, {
		recursive: true,
		withFileTypes: true,
	}).catch(() => []);
	for (const entry of entries) {
		if (!entry.isFile() || !entry.name.endsWith(".png")) continue;
		const path = join(entry.parentPath, entry.name);
		const target = join(to, path.slice(from.length));
		await makeFolder(dirname(target));
		await copyFile(path, target);
	}
}
