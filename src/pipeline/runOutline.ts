import { stepStateWord } from "../propagation/stepState.js";
import type { GenerateOptions } from "./options.js";
import type { Pipeline } from "./pipeline.js";
import type { RunSettings } from "./runSettings.js";
import { stepCosts } from "./stepCosts.js";
import { withoutPictures } from "./withoutPictures.js";

/**
 * What a run is going to do, as forms show it before it is drawn: every default filled in, what runs at each step and costs, and the
 * plans that were tuned for it. It has no pictures, and can be sent.
 * @param settings of these options
 */
export function runOutline(
	pipeline: Pipeline,
	options: GenerateOptions,
	settings: RunSettings,
) {
	return {
		options: withoutPictures(settings.options),
		start: settings.start,
		evaluations: settings.evaluations,
		states: settings.plan.states.map(stepStateWord),
		timesteps: settings.sampler.timesteps,
		costs: stepCosts(pipeline, settings),
		tunedPlans: pipeline.tunedPlans(options),
		warnings: settings.warnings,
	};
}
