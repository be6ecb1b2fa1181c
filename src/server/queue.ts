import { setTimeout as delay } from "node:timers/promises";
import { isPixelImage } from "../image/pixelImage.js";
import { HttpError, toldJobError } from "./httpError.js";
import {
	createJob,
	type Job,
	type JobRequest,
	type JobState,
	type MovingJob,
	type RunEvent,
	type Runner,
} from "./job.js";
import type { ServerLimits } from "./limits.js";

/** What a queue tells of its jobs, for metrics and logs. */
export interface QueueObserver {
	onEnd?(job: Job): void;
	/** An error that clients are told nothing of. */
	onInternalError?(job: Job, error: unknown): void;
}

export interface QueueOptions extends QueueObserver {
	readonly runner: Runner;
	/**
	 * Jobs that run at the same time, at most, where they gain from it (`JobRequest.together`); of those that wait and run elsewhere all are
	 * handed to the runner.
	 */
	readonly lanes: number;
	/** Where jobs wait, run and are kept outside this process: then the runner tells when they wait and begin. */
	readonly elsewhere?: {
		/** Deletes what is kept of a job. */
		forget(id: string): void;
	};
	readonly limits: Pick<
		ServerLimits,
		"queue" | "seconds" | "keepSeconds" | "keptBytes"
	>;
}

export interface JobQueue {
	/** @throws HttpError 429 when it is full, 503 while it drains */
	submit(request: JobRequest): Job;
	/** Takes up a job that another process was handed; of one that has ended it waits for what it came to. */
	resume(
		job: Pick<Job, "id" | "request" | "createdAt"> & {
			readonly ended: boolean;
		},
	): Promise<void>;
	/** An owner's job; those of others are not seen. */
	find(id: string, owner: string): Job | undefined;
	/** An owner's jobs, the newest first. */
	list(owner: string): Job[];
	count(state: JobState): number;
	readonly draining: boolean;
	/** Takes no more jobs and waits for those that there are; after `seconds` they are cancelled, or left to who runs them elsewhere. */
	drain(seconds: number): Promise<void>;
}

/** A bounded queue in this process: first come, first served. */
export function createQueue(options: QueueOptions): JobQueue {
	const { runner, lanes, limits, elsewhere } = options;
	const jobs = new Map<string, MovingJob>();
	const waiting: MovingJob[] = [];
	const running = new Set<MovingJob>();
	/** Those that had ended before this process knew of them. */
	const before = new WeakSet<Job>();
	let draining = false;
	/** Of late; for Retry-After. */
	let meanSeconds = 1;

	function tellPositions(): void {
		for (const [position, job] of waiting.entries())
			if (job.position !== position) job.tell({ type: "queued", position });
	}

	/** Whether a job may run beside those that run now. */
	function mayJoin({ request: { together } }: Job): boolean {
		if (elsewhere || running.size === 0) return true;
		return (
			together !== undefined &&
			[...running].every(({ request }) => request.together === together)
		);
	}

	function moveOn(): void {
		while (running.size < lanes) {
			const [job] = waiting;
			if (!job || !mayJoin(job)) break;
			waiting.shift();
			running.add(job);
			void run(job);
		}
		tellPositions();
	}

	async function run(job: MovingJob): Promise<void> {
		let started = performance.now();
		const timeout = new AbortController();
		let timer: NodeJS.Timeout | undefined;
		const { options: drawn, evaluations } = job.request;
		const begin = () => {
			started = performance.now();
			clearTimeout(timer);
			timer = setTimeout(
				() =>
					timeout.abort(
						new HttpError(
							408,
							"timeout",
							`the job took longer than the ${limits.seconds} seconds that this server gives one`,
						),
					),
				limits.seconds * 1000,
			);
			job.tell({
				type: "started",
				images: drawn.numImages ?? 1,
				steps: evaluations,
			});
		};
		const tell = (event: RunEvent) => {
			if (event.type === "started") begin();
			else job.tell(event);
		};
		if (!elsewhere) begin();
		const signal = AbortSignal.any([job.signal, timeout.signal]);
		try {
			await runner(job, tell, signal);
			// cancelled after its last network call
			signal.throwIfAborted();
			const seconds = (performance.now() - started) / 1000;
			meanSeconds += 0.2 * (seconds - meanSeconds);
			end(job, { type: "done", seconds });
		} catch (thrown) {
			const error = signal.aborted ? signal.reason : thrown;
			// by its owner here, or through another server
			if (job.signal.aborted || (error as Error)?.name === "AbortError")
				end(job, { type: "cancelled" });
			else {
				const told = toldJobError(error);
				if (told.internal) options.onInternalError?.(job, error);
				end(job, { type: "failed", error: told });
			}
		} finally {
			clearTimeout(timer);
			running.delete(job);
			moveOn();
		}
	}

	function end(job: MovingJob, event: Parameters<MovingJob["tell"]>[0]): void {
		job.tell(event);
		if (!before.has(job)) options.onEnd?.(job);
		setTimeout(() => forget(job), limits.keepSeconds * 1000).unref();
		let bytes = 0;
		for (const kept of [...jobs.values()].reverse()) {
			if (kept.endedAt === undefined) continue;
			for (const { image } of kept.images) bytes += image.data.length;
			if (bytes > limits.keptBytes && kept !== job) forget(kept);
		}
	}

	function forget({ id }: Job): void {
		if (jobs.delete(id)) elsewhere?.forget(id);
	}

	function add(job: MovingJob): void {
		jobs.set(job.id, job);
		job.signal.addEventListener("abort", () => {
			const place = waiting.indexOf(job);
			if (place < 0) return;
			waiting.splice(place, 1);
			end(job, { type: "cancelled" });
			tellPositions();
		});
		waiting.push(job);
		job.tell({ type: "queued", position: waiting.length - 1 });
		moveOn();
	}

	return {
		submit(request) {
			if (draining)
				throw new HttpError(
					503,
					"draining",
					"the server is about to end and takes no more jobs",
					5,
				);
			const ahead = waiting.length + running.size;
			if (ahead >= limits.queue)
				throw new HttpError(
					429,
					"queue_full",
					`the queue is full: ${ahead} jobs wait or run`,
					Math.max(1, Math.ceil(meanSeconds)),
				);
			const held = [...waiting, ...running].reduce(
				(sum, job) => sum + givenBytes(job.request),
				givenBytes(request),
			);
			if (held > limits.keptBytes)
				throw new HttpError(
					429,
					"queue_full",
					"the queue is full: the pictures of its jobs take too much memory",
					Math.max(1, Math.ceil(meanSeconds)),
				);
			const job = createJob(request);
			add(job);
			return job;
		},
		async resume(known) {
			if (jobs.has(known.id)) return;
			const job = createJob(known.request, known);
			if (known.ended) before.add(job);
			add(job);
			if (known.ended) await job.ended();
		},
		find(id, owner) {
			const job = jobs.get(id);
			return job?.request.owner === owner ? job : undefined;
		},
		list: (owner) =>
			[...jobs.values()].filter((job) => job.request.owner === owner).reverse(),
		count: (state) =>
			[...jobs.values()].filter((job) => job.state === state).length,
		get draining() {
			return draining;
		},
		async drain(seconds) {
			draining = true;
			const left = [...waiting, ...running];
			const patience = new AbortController();
			const late = delay(seconds * 1000, undefined, patience).then(
				() => {
					if (!elsewhere) for (const job of left) job.cancel();
				},
				() => undefined,
			);
			const ended = Promise.all(left.map((job) => job.ended()));
			await (elsewhere ? Promise.race([ended, late]) : ended);
			patience.abort();
		},
	};
}

/** Bytes of the pictures that a job begins with. */
function givenBytes({ options }: JobRequest): number {
	return Object.values(options).reduce(
		(sum, value) => sum + (isPixelImage(value) ? value.data.length : 0),
		0,
	);
}
