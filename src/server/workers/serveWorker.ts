import { neededPackage } from "../../errors/neededPackage.js";
import { imageSeed } from "../../pipeline/initialNoise.js";
import { connectQueue } from "../../queue/nodeConnectQueue.js";
import { putBack, workQueue } from "../../queue/nodeWorkQueue.js";
import { jsonSeed } from "../../random/seed.js";
import { HttpError, toldJobError } from "../httpError.js";
import type { FinishedImage, JobRequest, RunEvent, Runner } from "../job.js";
import type { ModelShelf } from "../models.js";
import {
	type Attempt,
	imageKey,
	type JobBoard,
	jobBoard,
	previewKey,
} from "./jobBoard.js";
import { isLast, jobMessage, unpackRequest } from "./jobMessage.js";
import { otherModels, workerQueueName } from "./workerQueue.js";

/** Workers that a job may outlive: where one after the other is lost, it is the job. */
const MOST_STALLS = 5;

/** Why a job is stopped whose end, or whose next holder, is known to others. */
const NOT_OURS = new DOMException(
	"the job is no more this worker's",
	"AbortError",
);

export interface ServeWorkerRequest {
	readonly url: string;
	readonly shelf: ModelShelf;
	readonly runner: Runner;
	/** Seconds after which a worker that is silent is given up. */
	readonly stalledAfter: number;
	readonly signal: AbortSignal;
	readonly onNote?: (line: string) => void;
}

/**
 * Draws jobs of servers (`fdiff serve --queue`) until the signal is given; a job under way is then put back, and another worker goes on after
 * its last finished image.
 * @throws UserError when the Redis server cannot be reached
 */
export async function runServeWorker(
	request: ServeWorkerRequest,
): Promise<void> {
	const { url, shelf, runner, stalledAfter, signal, onNote } = request;
	const bullmq = await neededPackage("bullmq ioredis", () => import("bullmq"));
	const connection = await connectQueue(url, signal);
	try {
		const board = jobBoard(connection);
		for (const models of await otherModels(connection, shelf))
			onNote?.(
				`there is a server of other models, whose jobs this worker leaves alone: ${models}`,
			);
		/** The job under way, to be stopped from outside. */
		const stops = new Map<string, () => void>();
		const stopListening = await board.listen("stop", (id) => stops.get(id)?.());
		await workQueue<void>(bullmq, {
			connection,
			name: workerQueueName(shelf),
			stalledAfter,
			mostStalls: MOST_STALLS,
			signal,
			onNote,
			async work(job, token) {
				const message = jobMessage.safeParse(job.data);
				if (!message.success || job.id === undefined)
					throw new bullmq.UnrecoverableError(
						"a job that is none of this program's version",
					);
				const { id } = job;
				const { seconds, keepSeconds } = message.data;
				const attempt: Attempt = {
					id,
					token: globalThis.crypto.randomUUID(),
					keep: seconds + keepSeconds,
				};
				const stop = new AbortController();
				const timer = setTimeout(
					() =>
						stop.abort(
							new HttpError(
								408,
								"timeout",
								`the job took longer than the ${seconds} seconds that its server gives one`,
							),
						),
					seconds * 1000,
				);
				stops.set(id, () => stop.abort(NOT_OURS));
				const stopped = AbortSignal.any([signal, stop.signal]);
				const end = (event: Parameters<JobBoard["end"]>[1]) =>
					board.end({ id, token: attempt.token, keep: keepSeconds }, event);
				try {
					if (!(await board.claim(attempt))) return;
					await drawOnBoard(
						{ board, attempt, runner, stop },
						await unpackRequest(message.data),
						stopped,
					);
					await end({ type: "done" });
				} catch (thrown) {
					const error = stopped.aborted ? stopped.reason : thrown;
					if (error === NOT_OURS) return;
					if (error === signal.reason) return putBack(bullmq, job, token);
					const told = toldJobError(error);
					if (told.internal)
						onNote?.(`job ${id}: ${(error as Error)?.stack ?? error}`);
					await end({ type: "failed", error: told });
				} finally {
					clearTimeout(timer);
					stops.delete(id);
					// what it began with is of no more use; the queue keeps the job for a while
					if (
						Object.keys(message.data.pictures).length > 0 &&
						(await board.hasEnded(id))
					)
						await job
							.updateData({ ...message.data, pictures: {} })
							.catch(() => undefined);
				}
			},
		});
		stopListening();
	} finally {
		connection.disconnect();
	}
}

interface Drawing {
	readonly board: JobBoard;
	readonly attempt: Attempt;
	readonly runner: Runner;
	/** Stops the drawing where it turns out that the job is another's. */
	readonly stop: AbortController;
}

/** Draws what is missing of a job's images, and tells it on the board. */
async function drawOnBoard(
	{ board, attempt, runner, stop }: Drawing,
	request: JobRequest,
	signal: AbortSignal,
): Promise<void> {
	const { id } = attempt;
	const before = await board.read(id, 0);
	// its worker died between telling the end and saying so to the queue
	if (before.some(isLast)) throw NOT_OURS;
	const first = new Set(
		before.flatMap((event) => (event.type === "image" ? [event.index] : [])),
	).size;
	/** What is told, in its order. */
	let telling: Promise<unknown> = Promise.resolve();
	const tell = (event: RunEvent) => {
		telling = telling.then(async () => {
			if (signal.aborted) return;
			if (!(await tellEvent(board, attempt, event, first)))
				stop.abort(NOT_OURS);
		});
		telling.catch((error) => stop.abort(error));
	};
	tell({ type: "started" });
	const missing = missingImages(request, first);
	if (missing)
		await runner({ id, request: missing, createdAt: 0 }, tell, signal);
	await telling;
	signal.throwIfAborted();
}

/** The same job from image `first` on, whose seed is that of the first one and so many; undefined where no image is missing. */
function missingImages(
	request: JobRequest,
	first: number,
): JobRequest | undefined {
	const { seed, numImages = 1 } = request.options;
	if (first >= numImages) return undefined;
	if (first === 0 || seed === undefined) return request;
	return {
		...request,
		options: {
			...request.options,
			seed: jsonSeed(imageSeed(BigInt(seed), first)),
			numImages: numImages - first,
		},
	};
}

/** Tells an event of a run that began with image `first`. False: the job is another's. */
function tellEvent(
	board: JobBoard,
	attempt: Attempt,
	event: RunEvent,
	first: number,
): Promise<boolean> {
	const { id } = attempt;
	switch (event.type) {
		case "queued":
			return Promise.resolve(true);
		case "step": {
			const { preview, ...step } = event;
			const image = step.image + first;
			return board.tell(
				attempt,
				{ ...step, image, preview: preview !== undefined },
				preview && { key: previewKey(id, image, step.step), bytes: preview },
			);
		}
		case "image":
			return tellImage(board, attempt, event.result, first);
		default:
			return board.tell(attempt, event);
	}
}

function tellImage(
	board: JobBoard,
	attempt: Attempt,
	{ image: { width, height, data }, ...result }: FinishedImage,
	first: number,
): Promise<boolean> {
	const index = result.index + first;
	const { seed, parameters } = result;
	const json = { ...result.json, index };
	return board.tell(
		attempt,
		{ type: "image", index, seed, width, height, parameters, json },
		{ key: imageKey(attempt.id, index), bytes: data },
	);
}
