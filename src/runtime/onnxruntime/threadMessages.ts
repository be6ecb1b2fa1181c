import type { Device, SessionOptions } from "../session.js";

/** A tensor on its way to or from the thread. */
export interface SentTensor {
	readonly dims: readonly number[];
	readonly data: Float32Array | Int32Array | BigInt64Array;
}

/** What the thread can be asked to do, and what it answers. */
export interface ThreadCalls {
	devices: { ask: Record<never, never>; answer: string[] };
	create: {
		ask: {
			readonly session: number;
			readonly model: Uint8Array;
			/** Where external weights lie: a folder, or the files' bytes. */
			readonly folder?: string;
			readonly bytes?: readonly { path: string; data: Uint8Array }[];
			readonly device: Device;
			readonly threads?: number;
			readonly optimization: NonNullable<SessionOptions["optimization"]>;
		};
		answer: undefined;
	};
	run: {
		ask: {
			readonly session: number;
			readonly inputs: Readonly<Record<string, SentTensor>>;
			readonly outputs: readonly string[];
		};
		answer: Record<string, SentTensor>;
	};
	release: { ask: { readonly session: number }; answer: undefined };
}

export type ThreadCall = keyof ThreadCalls;

export type ThreadRequest = {
	[K in ThreadCall]: { readonly id: number; readonly call: K } & {
		readonly ask: ThreadCalls[K]["ask"];
	};
}[ThreadCall];

export type ThreadReply =
	| { readonly id: number; readonly answer: ThreadCalls[ThreadCall]["answer"] }
	| {
			readonly id: number;
			readonly error: string;
			/** The library itself could not be loaded. */
			readonly unloadable: boolean;
	  };

/** Values of the word that the thread and its owner share: a native call must not be interrupted, or the process is aborted. */
export const threadStates = { idle: 0, busy: 1, stopped: 2 } as const;
