import { setTimeout as delay } from "node:timers/promises";
import type { Job } from "bullmq";
import type { Redis } from "ioredis";

/** Milliseconds that a worker waits for a server that does not answer before it leaves without taking its leave. */
const CLOSING_PATIENCE = 2_000;

export interface QueueWork<Result> {
	readonly connection: Redis;
	readonly name: string;
	/** What is done with a job; what it throws is the job's failure. */
	readonly work: (job: Job, token?: string) => Promise<Result>;
	/** Seconds after which a worker that is silent is given up, and its job handed to another. */
	readonly stalledAfter: number;
	/** Workers that a job may outlive: it fails where it has been given up more often. */
	readonly mostStalls: number;
	readonly signal: AbortSignal;
	readonly onNote?: (line: string) => void;
}

/** Milliseconds that a note is not said again: a server that is gone is tried several times a second. */
const SAID_FOR = 60_000;

/** Works on a queue's jobs, one at a time, until the signal is given; `work` then puts back what it has under way. */
export async function workQueue<Result>(
	{ Worker }: typeof import("bullmq"),
	{ connection, name, work, signal, onNote, ...options }: QueueWork<Result>,
): Promise<void> {
	const worker = new Worker(name, work, {
		connection,
		concurrency: 1,
		lockDuration: options.stalledAfter * 1000,
		stalledInterval: Math.max(500, options.stalledAfter * 500),
		maxStalledCount: options.mostStalls,
	});
	const said = new Map<string, number>();
	const note = (error: Error) => {
		const line = firstLine(error);
		const now = performance.now();
		if (now - (said.get(line) ?? Number.NEGATIVE_INFINITY) < SAID_FOR) return;
		for (const [old, at] of said) if (now - at >= SAID_FOR) said.delete(old);
		said.set(line, now);
		onNote?.(line);
	};
	worker.on("error", note);
	worker.on("failed", (_, error) => onNote?.(firstLine(error)));
	onNote?.(`queue ${name}: ready`);
	await new Promise<void>((resolve) => {
		if (signal.aborted) resolve();
		else signal.addEventListener("abort", () => resolve(), { once: true });
	});
	const closed = await Promise.race([
		worker.close().then(() => true),
		delay(CLOSING_PATIENCE, false),
	]);
	if (closed) return;
	// a job under way is put back; a server that is gone keeps nobody
	if (connection.status === "ready") await worker.close();
}

/** Gives a job back to the queue, from `work`: it has not failed, and is handed out again. */
export async function putBack(
	{ DelayedError }: typeof import("bullmq"),
	job: Job,
	token: string | undefined,
): Promise<never> {
	await job.moveToDelayed(Date.now(), token);
	throw new DelayedError();
}

const firstLine = ({ message }: Error) => message.split("\n")[0];
