import type { RgbImage } from "../image/rgbImage.js";
import type { ImageJson } from "../pipeline/generatedImage.js";
import type { GenerateOptions } from "../pipeline/options.js";
import type { ToldStep } from "../pipeline/toldEvents.js";
import type { Warning } from "../pipeline/warning.js";
import { withoutPictures } from "../pipeline/withoutPictures.js";
import type { Seed } from "../random/seed.js";
import type { ToldError } from "./httpError.js";

/** What is to be drawn for whom. */
export interface JobRequest {
	readonly owner: string;
	/** The server's name for the model. */
	readonly model: string;
	/** Checked, with its seed settled. */
	readonly options: GenerateOptions;
	/** Network evaluations of one image. */
	readonly evaluations: number;
	/** What a step predicts is decoded at every so many steps; 0: never. */
	readonly previewEvery: number;
	/** Jobs of the same word gain from being drawn at the same time; absent: it is drawn alone. */
	readonly together?: string;
}

/** An image as jobs keep it. */
export interface FinishedImage {
	readonly index: number;
	readonly seed: Seed;
	readonly image: RgbImage;
	/** A1111's text of the settings. */
	readonly parameters: string;
	readonly json: ImageJson;
}

/** What a runner tells while it draws. */
export type RunEvent =
	| WaitingEvent
	| {
			readonly type: "loading";
			readonly network: string;
			readonly seconds?: number;
	  }
	| ({ readonly type: "warning" } & Warning)
	| StepEvent
	| { readonly type: "image"; readonly result: FinishedImage };

/** Told by runners whose jobs wait outside this process: what is in front of one, and that it has begun (again). */
export type WaitingEvent =
	| { readonly type: "queued"; readonly position: number }
	| { readonly type: "started" };

/** Its preview is a JPEG. */
export type StepEvent = ToldStep<Uint8Array>;

export type JobState = "queued" | "running" | "done" | "failed" | "cancelled";

/** What followers of a job hear; the last one is `done`, `failed` or `cancelled`. */
export type JobEvent =
	/** Jobs in front of it. */
	| { readonly type: "queued"; readonly position: number }
	| {
			readonly type: "started";
			readonly images: number;
			readonly steps: number;
	  }
	| Exclude<RunEvent, WaitingEvent>
	| { readonly type: "done"; readonly seconds: number }
	| { readonly type: "failed"; readonly error: ToldError }
	| { readonly type: "cancelled" };

/** Draws what is asked and tells how far it is. Throws what the signal was aborted with, before its next network call. */
export type Runner = (
	job: Pick<Job, "id" | "request" | "createdAt">,
	tell: (event: RunEvent) => void,
	signal: AbortSignal,
) => Promise<void>;

/** A job as everyone may see it. */
export interface Job {
	readonly id: string;
	readonly request: JobRequest;
	readonly state: JobState;
	/** Jobs in front of it, while it waits. */
	readonly position: number;
	/** Milliseconds since 1970. */
	readonly createdAt: number;
	readonly startedAt?: number;
	readonly endedAt?: number;
	readonly images: readonly FinishedImage[];
	/** The last step that was taken. */
	readonly lastStep?: StepEvent;
	/** The last preview, a JPEG. */
	readonly lastPreview?: Uint8Array;
	readonly error?: ToldError;
	/** Its events from the one with the number `after` + 1 on, to the last one, which is told in any case. */
	follow(
		after?: number,
		signal?: AbortSignal,
	): AsyncGenerator<{ readonly number: number; readonly event: JobEvent }>;
	/** Waits until it is done, has failed or is cancelled. */
	ended(): Promise<void>;
	/** Stops it before its next network call. False: it has ended before. */
	cancel(): boolean;
}

/** A job as the queue moves it on. */
export interface MovingJob extends Job {
	readonly signal: AbortSignal;
	tell(event: JobEvent): void;
}

/** A job that waits; `known` where it was made before, by another process. */
export function createJob(
	asked: JobRequest,
	known: Partial<Pick<Job, "id" | "createdAt">> = {},
): MovingJob {
	const controller = new AbortController();
	let request = asked;
	const events: JobEvent[] = [];
	const images: FinishedImage[] = [];
	let state: JobState = "queued";
	let position = 0;
	let startedAt: number | undefined;
	let endedAt: number | undefined;
	let lastStep: StepEvent | undefined;
	let lastPreview: Uint8Array | undefined;
	let error: ToldError | undefined;
	const waiting = new Set<() => void>();

	function note(event: JobEvent): void {
		if (event.type === "queued") position = event.position;
		if (event.type === "started") {
			state = "running";
			startedAt = Date.now();
		}
		if (event.type === "step") {
			lastStep = event;
			lastPreview = event.preview ?? lastPreview;
		}
		if (event.type === "image") images.push(event.result);
		if (event.type === "failed") error = event.error;
		if (
			event.type === "done" ||
			event.type === "failed" ||
			event.type === "cancelled"
		) {
			state = event.type;
			endedAt = Date.now();
			// a finished job keeps its images, not those that it began with, nor what was predicted on the way
			request = { ...request, options: withoutPictures(request.options) };
			for (const [n, past] of events.entries())
				if (past.type === "step" && past.preview)
					events[n] = { ...past, preview: undefined };
		}
	}

	/** Resolves with the next event, or where `signal` is aborted. */
	const change = (signal?: AbortSignal) =>
		new Promise<void>((resolve) => {
			const wake = () => {
				signal?.removeEventListener("abort", wake);
				waiting.delete(wake);
				resolve();
			};
			waiting.add(wake);
			signal?.addEventListener("abort", wake);
		});

	return {
		id: known.id ?? globalThis.crypto.randomUUID(),
		get request() {
			return request;
		},
		createdAt: known.createdAt ?? Date.now(),
		images,
		signal: controller.signal,
		get state() {
			return state;
		},
		get position() {
			return state === "queued" ? position : 0;
		},
		get startedAt() {
			return startedAt;
		},
		get endedAt() {
			return endedAt;
		},
		get lastStep() {
			return lastStep;
		},
		get lastPreview() {
			return lastPreview;
		},
		get error() {
			return error;
		},
		tell(event) {
			if (endedAt !== undefined) return;
			events.push(event);
			note(event);
			for (const wake of waiting) wake();
			waiting.clear();
		},
		async *follow(after = 0, signal) {
			let n = Math.max(0, after);
			let told = false;
			while (!signal?.aborted) {
				// the numbers of a server before this one may be higher: its clients still hear how the job ends
				if (endedAt !== undefined && !told) n = Math.min(n, events.length - 1);
				if (n < events.length) {
					told = true;
					yield { number: n + 1, event: events[n] };
					n++;
				} else if (endedAt !== undefined) return;
				else await change(signal);
			}
		},
		async ended() {
			while (endedAt === undefined) await change();
		},
		cancel() {
			if (endedAt !== undefined) return false;
			controller.abort(new DOMException("cancelled", "AbortError"));
			return true;
		},
	};
}
