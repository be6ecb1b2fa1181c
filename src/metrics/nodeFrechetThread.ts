import { Worker } from "node:worker_threads";
import { type ErrorCode, UserError } from "../errors/userError.js";
import type { FrechetWork } from "./frechetWork.js";

/** What the thread is asked for. */
export interface FrechetCall {
	readonly name: keyof FrechetWork;
	readonly given: readonly unknown[];
}

/** What it says: groups done, then the value or what went wrong. */
export type FrechetReply =
	| { readonly group: number }
	| { readonly value: unknown }
	| { readonly error: string; readonly code?: ErrorCode };

/**
 * Fréchet distances in a thread of their own, one after another: timers, signals and progress go on meanwhile, and when the signal
 * is given the computation ends at once. Release it in the end.
 */
export function frechetThread(
	signal?: AbortSignal,
): FrechetWork & { release(): Promise<void> } {
	let worker: Worker | undefined;
	let last: Promise<unknown> = Promise.resolve();
	const ask = async <T>(
		call: FrechetCall,
		onGroup?: (done: number) => void,
	): Promise<T> => {
		signal?.throwIfAborted();
		worker ??= new Worker(
			new URL("./nodeFrechetThreadMain.js", import.meta.url),
			{ execArgv: [] },
		);
		const thread = worker;
		return new Promise<T>((resolve, reject) => {
			const settle = (end: () => void) => {
				thread.off("message", onMessage);
				thread.off("error", onError);
				thread.off("exit", onExit);
				signal?.removeEventListener("abort", onAbort);
				end();
			};
			const onMessage = (reply: FrechetReply) => {
				if ("group" in reply) onGroup?.(reply.group);
				else if ("value" in reply) settle(() => resolve(reply.value as T));
				else settle(() => reject(errorOf(reply)));
			};
			const onError = (error: Error) => settle(() => reject(error));
			const onExit = () => onError(new Error("the metrics' thread ended"));
			const onAbort = () => settle(() => reject(signal?.reason));
			thread.on("message", onMessage);
			thread.on("error", onError);
			thread.on("exit", onExit);
			signal?.addEventListener("abort", onAbort);
			thread.postMessage(call);
		});
	};
	const queued = <T>(
		call: FrechetCall,
		onGroup?: (done: number) => void,
	): Promise<T> => {
		const answer = last.then(() => ask<T>(call, onGroup));
		last = answer.catch(() => undefined);
		return answer;
	};
	return {
		distance: (...given) => queued({ name: "distance", given }),
		factor: (...given) => queued({ name: "factor", given }),
		jackknife: (features, groups, reals, onGroup) =>
			queued({ name: "jackknife", given: [features, groups, reals] }, onGroup),
		async release() {
			await worker?.terminate();
		},
	};
}

function errorOf({ error, code }: { error: string; code?: ErrorCode }): Error {
	return code ? new UserError(error, { code }) : new Error(error);
}
