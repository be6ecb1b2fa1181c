/** A plain run that the study looks for faster ways to. */
export interface StudyRun {
	readonly sampler: string;
	readonly steps: number;
	/** Numbers of network calls. */
	readonly calls: readonly number[];
	/** Whether the paper has a plan for it. */
	readonly published: boolean;
	/** Seeds of each caption. */
	readonly seeds: number;
}

/** The runs of the study, the ones that matter most first: it may be cut short. */
export const STUDY_RUNS: readonly StudyRun[] = [
	{
		...{ sampler: "ddim", steps: 50, published: true },
		...{ calls: [25, 16, 12, 8], seeds: 3 },
	},
	{
		...{ sampler: "dpm-solver++", steps: 20, published: true },
		...{ calls: [16, 14, 10, 8, 5], seeds: 3 },
	},
	{
		...{ sampler: "euler", steps: 20, published: false },
		...{ calls: [14, 10, 6], seeds: 1 },
	},
	{
		...{ sampler: "unipc", steps: 20, published: false },
		...{ calls: [14, 10, 6], seeds: 1 },
	},
	{
		...{ sampler: "dpm-solver", steps: 20, published: true },
		...{ calls: [14, 10, 6], seeds: 1 },
	},
];

/** The run that stands for the exact solution. */
export const LONG_RUN = { sampler: "dpm-solver++", steps: 100 } as const;

export const nameOf = ({ sampler, steps }: StudyRun) => `${sampler}-${steps}`;
