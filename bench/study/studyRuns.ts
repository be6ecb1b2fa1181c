/** A plain run that the study looks for faster ways to. */
export interface StudyRun {
	readonly sampler: string;
	readonly steps: number;
	/** Numbers of network calls. */
	readonly calls: readonly number[];
	/** Whether the paper has a plan for it. */
	readonly published: boolean;
	/** Whether the model's judge scores it. */
	readonly scored: boolean;
	/** Whether it is scored on the calibration captions as well: distances of sets of pictures need many. */
	readonly wholly?: boolean;
	/** Seeds of each caption. */
	readonly seeds: number;
}

/** The runs of the study, the ones that matter most first: it may be cut short. */
export const STUDY_RUNS: readonly StudyRun[] = [
	{
		...{ sampler: "dpm-solver++", steps: 20, published: true, scored: true },
		...{ calls: [16, 15, 14, 12, 10, 8, 5], seeds: 3 },
	},
	{
		...{ sampler: "ddim", steps: 50, published: true, scored: true },
		...{ calls: [25, 20, 16, 12, 8], seeds: 3 },
	},
	{
		...{ sampler: "euler", steps: 20, published: false, scored: false },
		...{ calls: [14, 8], seeds: 1 },
	},
	{
		...{ sampler: "unipc", steps: 20, published: false, scored: false },
		...{ calls: [14, 8], seeds: 1 },
	},
	{
		...{ sampler: "dpm-solver", steps: 20, published: true, scored: false },
		...{ calls: [14, 8], seeds: 1 },
	},
];

/** The run that stands for the exact solution, and how many batches of captions are held beside it. */
export const LONG_RUN = { sampler: "dpm-solver++", steps: 100 } as const;

export const LONG_BATCHES = 6;

/** Batches of captions that all runs are drawn of first. */
export const FEW_BATCHES = 8;

export const nameOf = ({ sampler, steps }: StudyRun) => `${sampler}-${steps}`;
