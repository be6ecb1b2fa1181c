/** How far long work is. */
export interface Progress {
	/** What is being done, in words: a bar for each. */
	readonly stage: string;
	readonly done: number;
	readonly total: number;
	/** What `done` and `total` count; steps unless told otherwise. */
	readonly unit?: "bytes";
	/** A few words behind the bar. */
	readonly note?: string;
}
