import {
	type PictureRun,
	type PictureSource,
	type RunEvent,
	SourceError,
} from "../pictureSource.js";
import type {
	PlainError,
	PlainEvent,
	WorkerCall,
	WorkerCalls,
	WorkerReply,
} from "./workerMessages.js";

interface Waiting {
	readonly resolve: (answer: never) => void;
	readonly reject: (error: SourceError) => void;
}

/** Draws in the page itself: in a worker that has the library in it. Nothing leaves the browser. */
export function localSource(startWorker: () => Worker): PictureSource {
	const waiting = new Map<number, Waiting>();
	const runs = new Map<number, EventQueue>();
	let worker: Worker | undefined;
	let calls = 0;

	function started(): Worker {
		if (worker) return worker;
		const begun = startWorker();
		worker = begun;
		begun.onmessage = ({ data }: MessageEvent<WorkerReply>) => {
			if ("run" in data) {
				runs.get(data.run)?.push(data.event);
				return;
			}
			const asked = waiting.get(data.id);
			waiting.delete(data.id);
			if ("error" in data) asked?.reject(asSourceError(data.error));
			else asked?.resolve(data.answer as never);
		};
		begun.onerror = (event) => {
			event.preventDefault();
			lose(
				`the worker that draws stopped (${event.message || "its program could not be loaded"}); reload the page`,
			);
		};
		return begun;
	}

	/** A worker whose program failed, or whose memory the browser took away, answers nothing any more. */
	function lose(message: string): void {
		const error = { message, code: "internal_error" };
		worker?.terminate();
		worker = undefined;
		for (const { reject } of waiting.values()) reject(asSourceError(error));
		waiting.clear();
		for (const queue of runs.values()) queue.push({ type: "failed", error });
	}

	function ask<Call extends WorkerCall>(
		call: Call,
		what: WorkerCalls[Call]["ask"],
	): Promise<WorkerCalls[Call]["answer"]> {
		const id = ++calls;
		return new Promise((resolve, reject) => {
			waiting.set(id, { resolve, reject });
			started().postMessage({ id, call, ask: what });
		});
	}

	return {
		capabilities: () => ask("capabilities", {}),
		async outline(options, signal) {
			const outline = await ask("outline", { options });
			signal?.throwIfAborted();
			return outline;
		},
		parameters: (file) => ask("parameters", { file }),
		submit(options, { previewEvery = 0 } = {}): PictureRun {
			const run = ++calls;
			const queue = eventQueue();
			runs.set(run, queue);
			const ended = ask("draw", { run, options, previewEvery })
				.catch((error: SourceError) =>
					queue.push({
						type: "failed",
						error: { ...error, message: error.message },
					}),
				)
				.finally(() => runs.delete(run));
			return {
				events: queue.events(),
				async cancel() {
					await ask("cancel", { run }).catch(() => undefined);
					await ended;
				},
			};
		},
	};
}

function asSourceError({ message, code, option }: PlainError): SourceError {
	return new SourceError(message, code, option);
}

interface EventQueue {
	push(event: PlainEvent): void;
	events(): AsyncGenerator<RunEvent>;
}

/** Events that are told before somebody asks for them. */
function eventQueue(): EventQueue {
	const told: PlainEvent[] = [];
	let wake: (() => void) | undefined;
	return {
		push(event) {
			told.push(event);
			wake?.();
		},
		async *events() {
			for (;;) {
				const event = told.shift();
				if (!event) {
					await new Promise<void>((resolve) => {
						wake = resolve;
					});
					continue;
				}
				yield event.type === "failed"
					? { ...event, error: asSourceError(event.error) }
					: event;
				if (["done", "failed", "cancelled"].includes(event.type)) return;
			}
		},
	};
}
