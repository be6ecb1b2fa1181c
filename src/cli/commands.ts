import type { Command } from "commander";

/** The commands, each loaded only when it is called: `--help` and short runs must start fast. */
export const COMMANDS: Readonly<
	Record<string, () => Promise<(program: Command) => void>>
> = {
	generate: async () => (await import("./generate.js")).addGenerateCommand,
	compare: async () => (await import("./compare.js")).addCompareCommand,
	evaluate: async () => (await import("./evaluate.js")).addEvaluateCommand,
	score: async () => (await import("./score.js")).addScoreCommand,
	analyze: async () => (await import("./analyze.js")).addAnalyzeCommand,
	tune: async () => (await import("./tune.js")).addTuneCommand,
	dataset: async () => (await import("./dataset.js")).addDatasetCommand,
	engines: async () => (await import("./engines.js")).addEnginesCommand,
	models: async () => (await import("./models.js")).addModelsCommand,
	merge: async () => (await import("./merge.js")).addMergeCommand,
	serve: async () => (await import("./serve.js")).addServeCommand,
	mcp: async () => (await import("./mcp.js")).addMcpCommand,
	worker: async () => (await import("./worker.js")).addWorkerCommand,
};
