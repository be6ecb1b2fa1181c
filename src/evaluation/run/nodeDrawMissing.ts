import { join } from "node:path";
import { centreSquare, decodePicture } from "../../datasets/nodePicture.js";
import { UserError } from "../../errors/userError.js";
import { withFileLock } from "../../files/nodeFileLock.js";
import { writeWhole } from "../../files/nodeWriteWhole.js";
import { encodeImage } from "../../image/nodeEncodeImage.js";
import { featureWidth } from "../scoring/nodeScorer.js";
import { checkBroken } from "./brokenReals.js";
import {
	type DrawingTools,
	type DrawnImage,
	drawEntry,
	warmUp,
} from "./nodeDrawing.js";
import { imagePath } from "./nodeImagePath.js";
import { thisMachine } from "./nodeMachine.js";
import type {
	EvaluationRequest,
	PreparedRun,
	Shard,
} from "./nodePrepareRun.js";
import {
	type DoneRecords,
	openRecordWriter,
	type RecordWriter,
	readDone,
} from "./nodeRecordFiles.js";
import { runFolder } from "./nodeRunFolder.js";
import { recordKey } from "./record.js";

/**
 * Draws and measures what is missing of a run (or of a shard of it). May be stopped at any moment in any way; called again it
 * goes on where it stopped, and the results are those of an uninterrupted run.
 */
export async function drawMissing(run: PreparedRun): Promise<void> {
	const { request, definition } = run;
	const { out, shard } = request;
	const { records: folder } = runFolder(out);
	const writerName = shard
		? `shard-${shard.index + 1}-of-${shard.count}`
		: "main";
	const width = featureWidth(definition.scoring);
	await withFileLock(
		join(folder, `${writerName}.lock`),
		async () => {
			const writer = await openRecordWriter(folder, writerName, width);
			try {
				const done = await readDone(folder, width);
				await measureReals(run, done, writer);
				await drawEntries(run, done, writer);
			} finally {
				await writer.close();
			}
		},
		request.signal,
	);
}

/** The real images of the run (or shard) that are not measured yet. */
export async function measureReals(
	{ request, captions, dataset, scorer }: PreparedRun,
	done: DoneRecords,
	writer: RecordWriter,
): Promise<void> {
	const { shard, signal, onProgress, onNote } = request;
	const { source } = dataset;
	const files = new Map(dataset.images.map(({ id, file }) => [id, file]));
	const mine = captions.reals
		.map((id, index) => ({ id, index }))
		.filter(({ index }) => isMine(index, shard));
	// those that earlier turns and other shards have found count too
	let broken = done.broken.size;
	const check = () =>
		checkBroken(broken, captions.reals.length, dataset.label, request.limit);
	check();
	for (const [position, { id, index }] of mine.entries()) {
		const key = recordKey({ kind: "real", index });
		if (done.keys.has(key)) continue;
		signal?.throwIfAborted();
		const file = files.get(id);
		let features: Float32Array | undefined;
		try {
			if (!source || file === undefined)
				throw new UserError(`image ${id} is missing`);
			const picture = await decodePicture(await source.read(file), file);
			({ features } = await scorer.score(centreSquare(picture)));
		} catch (error) {
			if (!(error instanceof UserError)) throw error;
			broken++;
			onNote?.(error.message);
			await writer.append({ kind: "real", index, broken: error.message });
		}
		if (features) await writer.append({ kind: "real", index }, features);
		check();
		onProgress?.({
			stage: "real images",
			done: position + 1,
			total: mine.length,
		});
	}
}

/** What drawing needs of a run, with this machine's record written. */
export async function drawingTools(
	{ pipeline, scorer, request }: PreparedRun,
	done: DoneRecords,
	writer: RecordWriter,
): Promise<DrawingTools> {
	const machine = thisMachine(request.modelOptions, pipeline);
	if (!done.keys.has(recordKey(machine))) await writer.append(machine);
	return {
		pipeline,
		scorer,
		common: request.common,
		machine: machine.id,
		signal: request.signal,
	};
}

async function drawEntries(
	run: PreparedRun,
	done: DoneRecords,
	writer: RecordWriter,
): Promise<void> {
	const { request, captions, methods } = run;
	const work = captions.entries
		.map((entry, index) => ({ entry, index }))
		.filter(({ index }) => isMine(index, request.shard))
		.map(({ entry, index }) => ({
			entry,
			index,
			missing: methods.filter(({ name }) => !done.keys.has(`${index} ${name}`)),
		}));
	const total = work.length * methods.length;
	let finished =
		total - work.reduce((sum, { missing }) => sum + missing.length, 0);
	if (finished === total) return;
	request.onProgress?.({ stage: "warm-up", done: finished, total });
	const tools = await drawingTools(run, done, writer);
	await warmUp(tools, methods);
	for (const { entry, index, missing } of work)
		for await (const drawn of drawEntry(
			tools,
			entry,
			index,
			missing,
			methods,
		)) {
			await storeImage(request, drawn);
			await writer.append(drawn.record, drawn.features);
			finished++;
			request.onProgress?.({
				stage: "images",
				done: finished,
				total,
				record: drawn.record,
			});
		}
}

/** Writes the image's file, if it is one of those that are kept. */
export async function storeImage(
	{ out, keepImages }: Pick<EvaluationRequest, "out" | "keepImages">,
	{ record, image }: Pick<DrawnImage, "record" | "image">,
): Promise<void> {
	if (record.index >= keepImages) return;
	await writeWhole(
		imagePath(out, record.method, record.index),
		await encodeImage(image, "png"),
		{ makeFolder: true },
	);
}

function isMine(index: number, shard: Shard | undefined): boolean {
	return !shard || index % shard.count === shard.index;
}
