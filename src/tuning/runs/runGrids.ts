import type { GenerateOptions } from "../../pipeline/options.js";
import type { Pipeline } from "../../pipeline/pipeline.js";
import type { RunSettings } from "../../pipeline/runSettings.js";
import { timesWord } from "../../propagation/planTimes.js";
import type { Sampler } from "../../samplers/sampler.js";
import type { Times } from "../../samplers/schedules/timeGrid.js";
import { type GridFamily, gridFamilies } from "../search/gridFamilies.js";

/** A run, and the grids that its sampler can go on. */
export interface RunGrids {
	/** The plain run. */
	readonly plain: RunSettings;
	readonly settingsOf: (more: Partial<GenerateOptions>) => RunSettings;
	readonly samplerOn: (times: Times) => Sampler;
	/** Simple rules for grids of any number of steps; of those that come to the same only the first. */
	readonly simpleGrids: (count: number) => SimpleGrid[];
}

export interface SimpleGrid {
	readonly name: string;
	/** Training timesteps, descending. */
	readonly times: readonly number[];
}

/** What a run's sampler can do with other times. @throws OptionError when an option is wrong */
export function runGrids(
	pipeline: Pipeline,
	{ steps, ...run }: Omit<GenerateOptions, "prompt">,
): RunGrids {
	const settingsOf = (more: Partial<GenerateOptions>): RunSettings =>
		pipeline.settings({ ...run, prompt: "", keySteps: "all", ...more });
	const plain = settingsOf({ steps });
	const samplerOn = (times: Times) =>
		settingsOf({ keySteps: timesWord(times) }).sampler;
	const families = gridFamilies({
		own: (count, spacing) =>
			settingsOf({
				steps: count,
				...(spacing && { schedulerConfig: { timestep_spacing: spacing } }),
			}).sampler,
		timesOfLogSnr: (logSnr) => samplerOn({ logSnr }).timesteps,
		plain: plain.sampler,
	});
	return {
		plain,
		settingsOf,
		samplerOn,
		simpleGrids: (count) => distinct(families, count),
	};
}

function distinct(families: readonly GridFamily[], count: number) {
	const known = new Set<string>();
	return families.flatMap(({ name, times }): SimpleGrid[] => {
		const grid = times(count);
		const words = grid.join();
		// a spacing may come to fewer
		if (grid.length !== count || known.has(words)) return [];
		known.add(words);
		return [{ name, times: grid }];
	});
}
