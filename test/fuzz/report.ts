/** What a fuzzing thread is to do. */
export interface ThreadWork {
	readonly seed: number;
	/** Names of targets; none: all. */
	readonly only: readonly string[];
	/** The first input of each target that was begun before. */
	readonly next: Readonly<Record<string, number>>;
	/** Three Int32: the position of the target that is running (from 1; 0: none), the input, and 1 when it is to stop. */
	readonly place: SharedArrayBuffer;
	/** A file that says the same, for when the process dies. */
	readonly log: number;
	/** Milliseconds that a target has before the next one has its turn. */
	readonly turn: number;
}

export type ThreadMessage =
	/** The fuzzer itself is wrong. */
	| { readonly kind: "broken"; readonly what: string }
	| { readonly kind: "stopped" }
	| { readonly kind: "targets"; readonly names: readonly string[] }
	| {
			readonly kind: "turn";
			readonly target: string;
			readonly tried: number;
			/** By a UserError. */
			readonly refused: number;
			readonly next: number;
			/** Bytes that the thread's own collector knows of. */
			readonly heap: number;
			readonly external: number;
	  }
	| {
			readonly kind: "fault";
			readonly target: string;
			readonly input: number;
			readonly what: string;
			readonly value: string;
	  };

/** What came of it. */
export interface Report {
	readonly seed: number;
	readonly tried: Readonly<Record<string, number>>;
	readonly refused: number;
	/** One of each kind, with how often it was seen. */
	readonly faults: readonly {
		readonly target: string;
		readonly input: number;
		readonly what: string;
		readonly value: string;
		readonly times: number;
	}[];
	/** Bytes. */
	readonly peakMemory: number;
	/** Of one input, in seconds of the processor. */
	readonly slowest: number;
}
