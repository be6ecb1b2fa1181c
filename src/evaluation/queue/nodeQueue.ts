import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Queue } from "bullmq";
import { neededPackage } from "../../errors/neededPackage.js";
import { UserError } from "../../errors/userError.js";
import { withFileLock } from "../../files/nodeFileLock.js";
import { writeWhole } from "../../files/nodeWriteWhole.js";
import { connectQueue } from "../../queue/nodeConnectQueue.js";
import { measureReals } from "../run/nodeDrawMissing.js";
import { imagePath } from "../run/nodeImagePath.js";
import type { PreparedRun } from "../run/nodePrepareRun.js";
import {
	openRecordWriter,
	type RecordWriter,
	readDone,
} from "../run/nodeRecordFiles.js";
import { runFolder } from "../run/nodeRunFolder.js";
import { recordKey } from "../run/record.js";
import type { RunDefinition } from "../run/runDefinition.js";
import { featureWidth } from "../scoring/nodeScorer.js";
import { KINDS, queueName, type WorkerKind } from "./nodeWorkerKind.js";
import {
	issueLine,
	jobResultSchema,
	type QueueJob,
	type QueueJobResult,
} from "./queueJob.js";

export interface DrawByQueueOptions {
	readonly url: string;
}

/** Captions that are in the queue at a time: enough for many workers, and memory stays flat. */
const OUTSTANDING = 256;
/** Times a caption that a worker failed at is tried. */
const ATTEMPTS = 5;
/** Captions that may fail before the run is given up: then it is the workers, not the captions. */
const MOST_FAILURES = 10;
const LOOK_EVERY = 200;
const OFFER_EVERY = 5_000;

/**
 * Draws what is missing of a run by workers (`fdiff worker`) that may come, die and return: captions are handed out by BullMQ, a
 * caption whose worker falls silent is handed out again, and this process alone writes records, by method and caption, so
 * that nothing is there twice. May be killed itself: results wait in the queue until it is back.
 * A caption at which workers fail time and again is left out, named in the end, and tried anew by the next call.
 * @throws UserError when the server cannot be reached, or workers failed at captions
 */
export async function drawByQueue(
	run: PreparedRun,
	{ url }: DrawByQueueOptions,
): Promise<void> {
	const { request, definition } = run;
	const { records: folder } = runFolder(request.out);
	const connection = await connectQueue(url, request.signal);
	const kind: WorkerKind = {
		model: definition.model,
		scoring: definition.scoring,
	};
	const name = queueName(kind);
	const bullmq = await neededPackage("bullmq ioredis", () => import("bullmq"));
	const queue = new bullmq.Queue(name, { connection });
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
	} catch (error) {
		// that a connection ended is what the signal asked for
		request.signal?.throwIfAborted();
		throw error;
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
	const take = async (index: number, { machine, images }: QueueJobResult) => {
		if (!keys.has(recordKey(machine))) {
			await writer.append(machine);
			keys.add(recordKey(machine));
		}
		for (const { record, features, png } of images) {
			const key = recordKey(record);
			if (keys.has(key)) continue;
			if (png !== undefined && index < request.keepImages)
				await writeWhole(
					imagePath(out, record.method, index),
					Buffer.from(png, "base64"),
					{ makeFolder: true },
				);
			await writer.append(record, floats(features));
			keys.add(key);
			finished++;
			request.onProgress?.({ stage: "images", done: finished, total, record });
		}
		const missing = (waiting.get(index) ?? []).filter(
			(name) => !keys.has(`${index} ${name}`),
		);
		if (missing.length > 0) waiting.set(index, missing);
		else waiting.delete(index);
	};
	const answerOf = answerReader(definition, featureWidth(definition.scoring));
	const refusals = new Map<number, number>();
	const failures: string[] = [];
	/** Takes what a caption came to out of the queue, so that it can be handed out anew. */
	const settle = async (index: number, jobId: string) => {
		const job = await queue.getJob(jobId).catch(() => undefined);
		if (job && waiting.has(index)) {
			const answer = answerOf(index, job.returnvalue);
			const giveUp = (what: string) => {
				failures.push(`caption ${index}: ${what}`);
				waiting.delete(index);
			};
			if (await job.isFailed()) giveUp(String(job.failedReason).split("\n")[0]);
			// first on disk, then out of the queue: a kill between them costs nothing
			else if (typeof answer !== "string") await take(index, answer);
			else {
				const times = (refusals.get(index) ?? 0) + 1;
				refusals.set(index, times);
				if (times >= ATTEMPTS) giveUp(answer);
				else
					request.onNote?.(
						`caption ${index} is drawn again, since a worker's answer is not taken: ${answer}`,
					);
			}
		}
		await queue.remove(jobId);
	};
	const finishedJobs = async () =>
		(await queue.getRanges(["completed", "failed"], 0, -1)).flatMap((jobId) => {
			const index = indexOf(jobId, id);
			return index === undefined ? [] : [{ index, jobId }];
		});

	// what failed in an earlier attempt is tried anew
	for (const jobId of await queue.getRanges(["failed"], 0, -1))
		if (indexOf(jobId, id) !== undefined) await queue.remove(jobId);
	if (waiting.size > 0) await offer();
	await measureReals(run, done, writer);
	let offered = Date.now();
	while (waiting.size > 0 && failures.length < MOST_FAILURES) {
		signal?.throwIfAborted();
		const jobs = await finishedJobs();
		for (const { index, jobId } of jobs) {
			signal?.throwIfAborted();
			await settle(index, jobId);
		}
		// again from time to time: a server may have lost what it held
		if (jobs.length > 0 || Date.now() - offered > OFFER_EVERY) {
			await offer();
			offered = Date.now();
		}
		if (jobs.length === 0)
			await delay(LOOK_EVERY, undefined, signal ? { signal } : {});
	}
	if (failures.length > 0)
		throw new UserError(
			`workers failed ${ATTEMPTS} times at ${failures.length} ${failures.length === 1 ? "caption" : "captions"} (${failures.slice(0, 3).join("; ")}${failures.length > 3 ? "; …" : ""}); see the workers' words, and run the same command again: it tries them anew`,
		);
}

/** The caption of a job of the run `id`. */
function indexOf(jobId: string, id: string): number | undefined {
	const index = jobId.startsWith(`${id}-`) ? jobId.slice(id.length + 1) : "";
	return /^\d{1,9}$/.test(index) ? Number(index) : undefined;
}

/** Reads what a worker gave back for a caption: the records that the run can take, or what is wrong with them. */
function answerReader(
	{ methods }: RunDefinition,
	width: number,
): (index: number, value: unknown) => QueueJobResult | string {
	const names = new Set(methods.map(({ name }) => name));
	return (index, value) => {
		const parsed = jobResultSchema.safeParse(value);
		if (!parsed.success) return issueLine(parsed.error);
		for (const { record, features } of parsed.data.images) {
			if (record.index !== index)
				return `an image of caption ${record.index} in its place`;
			if (!names.has(record.method)) return `no method ${record.method}`;
			if (Buffer.from(features, "base64").length !== 4 * width)
				return `features that are not ${width} values`;
		}
		return parsed.data;
	};
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
