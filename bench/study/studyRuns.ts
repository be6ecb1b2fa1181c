/** A plain run that the study looks for faster ways to. */
export interface StudyRun {
	readonly sampler: string;
	readonly steps: number;
	/** Numbers of network calls. */
	readonly calls: readonly number[];
	/** Whether the paper has a plan for it. */
	readonly published: boolean;
}

/** The runs of the study, the ones that matter most first: it may be cut short. */
export const STUDY_RUNS: readonly StudyRun[] = [
	{
		...{ sampler: "dpm-solver++", steps: 20, published: true },
		...{ calls: [16, 15, 14, 12, 10, 8, 5] },
	},
	{
		...{ sampler: "ddim", steps: 50, published: true },
		...{ calls: [25, 20, 16, 12, 10, 8] },
	},
	{
		...{ sampler: "euler", steps: 20, published: false },
		...{ calls: [16, 14, 12, 10, 8, 5] },
	},
	{
		...{ sampler: "unipc", steps: 20, published: false },
		...{ calls: [16, 14, 12, 10, 8, 5] },
	},
	{
		...{ sampler: "dpm-solver", steps: 20, published: true },
		...{ calls: [16, 14, 12, 10, 8, 5] },
	},
];

/** Seeds of each caption. */
export const SEEDS = 3;

/** The run that stands for the exact solution, and how many batches of captions are held beside it. */
export const LONG_RUN = { sampler: "dpm-solver++", steps: 100 } as const;

export const LONG_BATCHES = 6;

/** Batches of captions that all runs are drawn of first. */
export const FEW_BATCHES = 8;

export const nameOf = ({ sampler, steps }: StudyRun) => `${sampler}-${steps}`;
