import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Queue } from "bullmq";
import { UserError } from "../../errors/userError.js";
import { withFileLock } from "../../files/nodeFileLock.js";
import { writeWhole } from "../../files/nodeWriteWhole.js";
import { measureReals, type PreparedRun } from "../run/nodeEvaluate.js";
import { imagePath } from "../run/nodeImagePath.js";
import {
	openRecordWriter,
	type RecordWriter,
	readDone,
} from "../run/nodeRecordFiles.js";
import { runFolder } from "../run/nodeRunFolder.js";
import { recordKey } from "../run/record.js";
import { featureWidth } from "../scoring/nodeScorer.js";
import {
	connectQueue,
	KINDS,
	queueName,
	type WorkerKind,
} from "./nodeQueueConnection.js";
import { jobResultSchema, type QueueJob } from "./queueJob.js";

export interface DrawByQueueOptions {
	readonly url: string;
}

/** Captions that are in the queue at a time: enough for many workers, and memory stays flat. */
const OUTSTANDING = 256;
/** Times a caption that a worker failed at is tried. */
const ATTEMPTS = 5;
const LOOK_EVERY = 200;
const OFFER_EVERY = 5_000;

/**
 * Draws what is missing of a run by workers (`fdiff worker`) that may come, die and return: captions are handed out by BullMQ, a
 * caption whose worker falls silent is handed out again, and this process alone writes records, by method and caption, so
 * that nothing is there twice. May be killed itself: results wait in the queue until it is back.
 * @throws UserError when the server cannot be reached, or workers fail at a caption time and again
 */
export async function drawByQueue(
	run: PreparedRun,
	{ url }: DrawByQueueOptions,
): Promise<void> {
	const { request, definition } = run;
	const { records: folder } = runFolder(request.out);
	const connection = await connectQueue(url);
	const kind: WorkerKind = {
		model: definition.model,
		scoring: definition.scoring,
	};
	const name = queueName(kind);
	const queue = new Queue(name, { connection });
	queue.on("error", () => {});
	try {
		await connection.hset(KINDS, name, JSON.stringify(kind));
		request.onNote?.(
			`queue ${name}: waiting for workers (fdiff worker --queue …)`,
		);
		await withFileLock(
			join(folder, "main.lock"),
			async () => {
				const width = featureWidth(definition.scoring);
				const writer = await openRecordWriter(folder, "main", width);
				try {
					await collect(run, queue, writer);
				} finally {
					await writer.close();
				}
			},
			request.signal,
		);
	} finally {
		await queue.close();
		connection.disconnect();
	}
}

async function collect(
	run: PreparedRun,
	queue: Queue,
	writer: RecordWriter,
): Promise<void> {
	const { request, definition, captions, methods } = run;
	const { out, signal } = request;
	const { records: folder } = runFolder(out);
	const done = await readDone(folder, featureWidth(definition.scoring));
	const { keys } = done;
	const id = await runId(out);
	const total = captions.entries.length * methods.length;
	let finished = 0;
	const waiting = new Map<number, string[]>();
	for (const index of captions.entries.keys()) {
		const missing = methods
			.map((method) => method.name)
			.filter((name) => !keys.has(`${index} ${name}`));
		finished += methods.length - missing.length;
		if (missing.length > 0) waiting.set(index, missing);
	}
	const offer = async () => {
		const jobs = [...waiting].slice(0, OUTSTANDING).map(([index, missing]) => ({
			name: "caption",
			data: {
				methods: definition.methods,
				missing,
				common: request.common,
				index,
				entry: captions.entries[index],
				keepImage: index < request.keepImages,
			} satisfies QueueJob,
			// a job of this id that is there already stays as it is
			opts: {
				jobId: `${id}-${index}`,
				attempts: ATTEMPTS,
				backoff: { type: "fixed", delay: 1000 },
			},
		}));
		await queue.addBulk(jobs);
	};
	const take = async (index: number, value: unknown) => {
		const result = jobResultSchema.parse(value);
		if (!keys.has(recordKey(result.machine))) {
			await writer.append(result.machine);
			keys.add(recordKey(result.machine));
		}
		for (const { record, features, png } of result.images) {
			const key = recordKey(record);
			if (
				record.index !== index ||
				keys.has(key) ||
				!methods.some((method) => method.name === record.method)
			)
				continue;
			if (png !== undefined && index < request.keepImages)
				await writeWhole(
					imagePath(out, record.method, index),
					Buffer.from(png, "base64"),
					{ makeFolder: true },
				);
			await writer.append(record, floats(features));
			keys.add(key);
			finished++;
			request.onProgress?.({ phase: "images", done: finished, total, record });
		}
		const missing = (waiting.get(index) ?? []).filter(
			(name) => !keys.has(`${index} ${name}`),
		);
		if (missing.length > 0) waiting.set(index, missing);
		else waiting.delete(index);
	};

	if (waiting.size > 0) await offer();
	await measureReals(run, done, writer);
	let offered = Date.now();
	while (waiting.size > 0) {
		signal?.throwIfAborted();
		let taken = 0;
		for (const job of await queue.getJobs(["completed", "failed"], 0, 63)) {
			const index = indexOf(job?.id, id);
			if (index === undefined) continue;
			if (await job.isFailed())
				throw new UserError(
					`a worker failed at caption ${index} ${ATTEMPTS} times: ${String(job.failedReason).split("\n")[0]}; see the workers' words, and run the same command again`,
				);
			// first on disk, then out of the queue: a kill between them costs nothing
			if (waiting.has(index)) await take(index, job.returnvalue);
			await job.remove();
			taken++;
		}
		// again from time to time: a server may have lost what it held
		if (taken > 0 || Date.now() - offered > OFFER_EVERY) {
			await offer();
			offered = Date.now();
		}
		if (taken === 0)
			await delay(LOOK_EVERY, undefined, signal ? { signal } : {});
	}
}

/** The caption of a job of the run `id`. */
function indexOf(jobId: string | undefined, id: string): number | undefined {
	return jobId?.startsWith(`${id}-`)
		? Number(jobId.slice(id.length + 1))
		: undefined;
}

/** The id under which this run folder's captions are in the queue. */
async function runId(out: string): Promise<string> {
	const path = join(out, "queue-id");
	await writeWhole(path, randomBytes(6).toString("hex"), { keep: true });
	const id = (await readFile(path, "utf8")).trim();
	if (!/^[0-9a-f]{12}$/.test(id))
		throw new UserError(`${path} is damaged: delete it and run again`);
	return id;
}

function floats(base64: string): Float32Array {
	const bytes = Uint8Array.from(Buffer.from(base64, "base64"));
	return new Float32Array(bytes.buffer, 0, bytes.length >> 2);
}
