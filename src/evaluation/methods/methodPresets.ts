const study = [
	"ddim-50",
	"ddim-50+paper",
	"dpm-solver-20",
	"dpm-solver-20+paper",
	"dpm-solver++-20",
	"dpm-solver++-20+paper",
];

/** Lists of methods by name. */
export const methodPresets: Readonly<Record<string, readonly string[]>> = {
	/** The six rows of the study's table. */
	study,
	/** The study's rows, and for each what an honest comparison needs beside it. */
	honest: [
		...study,
		"ddim-50+paper+no-inject",
		"ddim-50+fewer",
		"ddim-50+deepcache:3:1",
		"ddim-50+ucache",
		"ddim-50+cfg-cutoff:0.5",
		"ddim-50+tgate:20",
		"ddim-50+tome:0.5",
		"ddim-50+paper+tome:0.5",
		"dpm-solver++-20+paper+no-inject",
		"dpm-solver++-20+fewer",
		"dpm-solver++-20+deepcache:3:1",
		"dpm-solver++-20+tgate:8",
		"dpm-solver++-20+tome:0.5",
	],
	/** What docs/results.md answers: injection, key steps, equal cost, batches, other accelerators. */
	questions: [
		"ddim-50",
		"ddim-50+paper",
		"ddim-50+paper+batch:8",
		"ddim-50+paper+no-inject",
		"ddim-50+fewer",
		"ddim-50+fewer-flops",
		"ddim-50+uniform:5",
		"ddim-50+uniform:10",
		"ddim-50+uniform:25",
		"ddim-50+deepcache:3:1",
		"ddim-50+ucache",
		"ddim-50+tgate:20",
		"ddim-50+tome:0.5",
		"dpm-solver++-20",
		"dpm-solver++-20+paper",
		"dpm-solver++-20+fewer",
		"dpm-solver++-20+fewer-flops",
	],
	/** From many key steps to few: where does meaning drift? */
	"key-steps": [
		"ddim-50",
		"ddim-50+uniform:2",
		"ddim-50+paper",
		"ddim-50+uniform:4",
		"ddim-50+uniform:5",
		"ddim-50+uniform:10",
		"ddim-50+uniform:25",
	],
};
