import type {
	Capabilities,
	PictureOptions,
	PictureParameters,
	RunEvent,
	RunOutline,
} from "../pictureSource.js";

/** What the page asks of the worker that draws, and what it answers. */
export interface WorkerCalls {
	capabilities: { ask: Record<never, never>; answer: Capabilities };
	outline: { ask: { readonly options: PictureOptions }; answer: RunOutline };
	parameters: { ask: { readonly file: Blob }; answer: PictureParameters };
	/** Answered when the run has ended; its events are told before. */
	draw: {
		ask: {
			readonly run: number;
			readonly options: PictureOptions;
			readonly previewEvery: number;
		};
		answer: undefined;
	};
	cancel: { ask: { readonly run: number }; answer: undefined };
}

export type WorkerCall = keyof WorkerCalls;

/** A message to the worker. */
export type WorkerRequest = {
	[Call in WorkerCall]: {
		readonly id: number;
		readonly call: Call;
		readonly ask: WorkerCalls[Call]["ask"];
	};
}[WorkerCall];

/** A message from it. An error inside an event travels as plain data too. */
export type WorkerReply =
	| { readonly id: number; readonly answer: unknown }
	| { readonly id: number; readonly error: PlainError }
	| { readonly run: number; readonly event: PlainEvent };

export interface PlainError {
	readonly message: string;
	readonly code: string;
	readonly option?: string;
}

export type PlainEvent =
	| Exclude<RunEvent, { type: "failed" }>
	| { readonly type: "failed"; readonly error: PlainError };
