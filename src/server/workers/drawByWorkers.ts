import { setTimeout as delay } from "node:timers/promises";
import { neededPackage } from "../../errors/neededPackage.js";
import { rgbImage } from "../../image/rgbImage.js";
import type { ImageJson } from "../../pipeline/generatedImage.js";
import type { Warning } from "../../pipeline/warning.js";
import { connectQueue } from "../../queue/nodeConnectQueue.js";
import { HttpError, ToldFailure, toldError } from "../httpError.js";
import type { Job, RunEvent, Runner } from "../job.js";
import type { ServerLimits } from "../limits.js";
import type { ModelShelf } from "../models.js";
import { imageKey, type JobBoard, jobBoard, previewKey } from "./jobBoard.js";
import {
	type EventMessage,
	isLast,
	jobMessage,
	packRequest,
	unpackRequest,
} from "./jobMessage.js";
import { sayModels, workerQueueName } from "./workerQueue.js";

/** Milliseconds after which a job is looked at though nothing was heard of it: what is said of it may have been lost. */
const LOOK_EVERY = 1_000;
/** Milliseconds that the end of a job waits to be written down. */
const END_PATIENCE = 2_000;

type KnownJob = Pick<Job, "id" | "request" | "createdAt">;

/** A queue on a Redis or Valkey server, for a server whose jobs are drawn by workers. */
export interface WorkerQueue {
	readonly runner: Runner;
	/** What its `elsewhere` is. */
	readonly elsewhere: { forget(id: string): void };
	/** Jobs that a server before this one was handed, the oldest first, and whether they have ended. */
	known(): Promise<(KnownJob & { readonly ended: boolean })[]>;
	/** Whether the Redis server can be reached. */
	ready(): boolean;
	/** Workers that are there now, where the Redis server lets that be asked. */
	workers(): Promise<number | undefined>;
	close(): Promise<void>;
}

/**
 * Hands jobs to workers (`fdiff worker --serve`) over BullMQ, and tells what they tell. Workers may come, die and return: a job whose worker
 * falls silent is handed to another one, which goes on after the last finished image.
 * @throws UserError when the Redis server cannot be reached
 */
export async function openWorkerQueue(
	url: string,
	shelf: ModelShelf,
	limits: Pick<ServerLimits, "seconds" | "keepSeconds">,
): Promise<WorkerQueue> {
	const { seconds, keepSeconds } = limits;
	const connection = await connectQueue(url);
	const bullmq = await neededPackage("bullmq ioredis", () => import("bullmq"));
	const queue = new bullmq.Queue(workerQueueName(shelf), { connection });
	queue.on("error", () => {});
	const board = jobBoard(connection);
	await sayModels(connection, shelf);
	/** Jobs that are waited for, each with how it is woken. */
	const followed = new Map<string, () => void>();
	const stopListening = await board.listen("news", (id) =>
		followed.get(id)?.(),
	);
	/** Jobs of which nothing is told yet. */
	const queued = new Set<string>();
	/** Ids of the jobs that wait, in their order; asked for by many at a time, looked up once. */
	let waiting: Promise<readonly string[]> | undefined;
	const waitingIds = () => {
		waiting ??= delay(20).then(() => {
			waiting = undefined;
			return queue.getRanges(["wait"], 0, -1, true);
		});
		return waiting;
	};
	/** A job waits no more: the others are nearer to their turn. */
	function leaveLine(job: string): void {
		if (queued.delete(job)) for (const id of queued) followed.get(id)?.();
	}

	let closed = false;

	async function add(job: KnownJob): Promise<void> {
		const { id, request, createdAt } = job;
		const data = await packRequest(request, {
			createdAt,
			seconds,
			keepSeconds,
		});
		// one of this id that is there already stays as it is
		await queue.add("draw", data, {
			jobId: id,
			removeOnComplete: { age: Math.ceil(keepSeconds) },
			removeOnFail: { age: Math.ceil(keepSeconds) },
		});
	}

	/**
	 * What has become of a job of which nothing is heard. True: it was handed out anew, since Redis had lost it.
	 * @throws HttpError where it can come to nothing
	 */
	async function look(job: KnownJob, known: number): Promise<boolean> {
		const { id } = job;
		const state = await queue.getJobState(id);
		if (state === "unknown") {
			await add(job);
			return true;
		}
		// told before it is completed: in vain, or what was told is lost
		if (state === "completed" && (await board.read(id, known)).length === 0)
			throw new HttpError(500, "result_lost", "what came of the job is lost");
		if (state === "failed") {
			const failed = await queue.getJob(id);
			if (!/stalled/.test(failed?.failedReason ?? ""))
				throw new Error(`job ${id}: ${failed?.failedReason}`);
			throw new HttpError(
				500,
				"workers_lost",
				"one worker after the other was lost at this job",
			);
		}
		return false;
	}

	const runner: Runner = async (job, tell, signal) => {
		const { id } = job;
		let known = 0;
		let position = -1;
		const images = new Set<number>();
		await untilAborted(add(job), signal);
		queued.add(id);
		try {
			for (;;) {
				const news = nextNews(id);
				const events = await untilAborted(board.read(id, known), signal);
				known += events.length;
				for (const event of events) {
					leaveLine(id);
					if (event.type === "done") return;
					// cancelled by a server before this one
					if (event.type === "cancelled")
						throw new DOMException("cancelled", "AbortError");
					if (event.type === "failed") throw new ToldFailure(event.error);
					if (event.type === "image") {
						// begun anew by a worker after its last one was told
						if (images.has(event.index)) continue;
						images.add(event.index);
					}
					const told = await untilAborted(toldBy(board, id, event), signal);
					if (told) tell(told);
				}
				if (queued.has(id)) {
					const place = (await untilAborted(waitingIds(), signal)).indexOf(id);
					if (place >= 0 && place !== position) {
						position = place;
						tell({ type: "queued", position });
					}
				}
				if (
					events.length === 0 &&
					!(await news.heard(signal)) &&
					(await untilAborted(look(job, known), signal))
				)
					known = 0;
			}
		} catch (error) {
			// the job goes on without this process
			if (closed) await new Promise(() => undefined);
			if (signal.aborted)
				await Promise.race([stop(id, signal.reason), delay(END_PATIENCE)]);
			throw error;
		} finally {
			followed.delete(id);
			leaveLine(id);
		}
	};

	/** From now on: whether there is news within a while. */
	function nextNews(id: string) {
		let wake = (_heard: boolean) => {};
		const woken = new Promise<boolean>((resolve) => {
			wake = resolve;
		});
		followed.set(id, () => wake(true));
		return {
			async heard(signal: AbortSignal): Promise<boolean> {
				const timer = setTimeout(() => wake(false), LOOK_EVERY);
				try {
					return await untilAborted(woken, signal);
				} finally {
					clearTimeout(timer);
				}
			},
		};
	}

	/** Ends a job for all: its worker, if it has one, stops before its next network call. */
	async function stop(id: string, reason: unknown): Promise<void> {
		const event: EventMessage =
			reason instanceof HttpError
				? { type: "failed", error: toldError(reason) }
				: { type: "cancelled" };
		await board.end({ id, keep: keepSeconds }, event);
		// who waits needs no worker; one that runs is locked, and ended by its own
		await queue.remove(id).catch(() => 0);
	}

	return {
		runner,
		elsewhere: {
			forget(id) {
				void Promise.all([
					board.forget(id),
					queue.remove(id).catch(() => 0),
				]).catch(() => undefined);
			},
		},
		async known() {
			const jobs = await queue.getJobs(
				["completed", "failed", "active", "delayed", "waiting", "prioritized"],
				0,
				-1,
				true,
			);
			const known: (KnownJob & { ended: boolean })[] = [];
			for (const job of jobs) {
				const message = jobMessage.safeParse(job?.data);
				if (!message.success || job.id === undefined) continue;
				const { finishedOn = Number.POSITIVE_INFINITY, id } = job;
				const request = await unpackRequest(message.data).catch(
					() => undefined,
				);
				if (!request || finishedOn + 1000 * keepSeconds < Date.now())
					await queue.remove(id).catch(() => 0);
				else
					known.push({
						id,
						request,
						createdAt: message.data.createdAt,
						// it is told before the queue counts the job as finished
						ended:
							job.finishedOn !== undefined ||
							(await board.read(id, 0)).some(isLast),
					});
			}
			return known.sort((a, b) => a.createdAt - b.createdAt);
		},
		ready: () => connection.status === "ready",
		workers: () => queue.getWorkersCount().catch(() => undefined),
		async close() {
			closed = true;
			stopListening();
			await queue.close();
			connection.disconnect();
		},
	};
}

/** An event of the board as runners tell it; its picture is read from beside it. */
async function toldBy(
	board: JobBoard,
	id: string,
	event: Exclude<
		EventMessage,
		{ readonly type: "done" | "cancelled" | "failed" }
	>,
): Promise<RunEvent | undefined> {
	switch (event.type) {
		case "warning":
			return { ...event, code: event.code as Warning["code"] };
		case "step": {
			const { preview, ...step } = event;
			return {
				...step,
				preview: preview
					? await board.picture(previewKey(id, step.image, step.step))
					: undefined,
			};
		}
		case "image": {
			const { index, seed, width, height, parameters, json } = event;
			const pixels = await board.picture(imageKey(id, index));
			if (pixels?.length !== 3 * width * height)
				throw new Error(`image ${index} of job ${id} is not in Redis`);
			return {
				type: "image",
				result: {
					index,
					seed,
					image: rgbImage(width, height, pixels),
					parameters,
					json: json as unknown as ImageJson,
				},
			};
		}
		default:
			return event;
	}
}

/** What a promise comes to, unless the signal is given first. */
function untilAborted<T>(value: Promise<T>, signal: AbortSignal): Promise<T> {
	return new Promise((resolve, reject) => {
		const abort = () => reject(signal.reason);
		if (signal.aborted) abort();
		signal.addEventListener("abort", abort, { once: true });
		value
			.then(resolve, reject)
			.finally(() => signal.removeEventListener("abort", abort));
	});
}
