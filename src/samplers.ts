export {
	SIGMA_SCHEDULES,
	type SigmaSchedule,
} from "./samplers/config/samplerConfig.js";
export {
	type NamedSampler,
	samplerByName,
	samplerLabels,
	samplerOfConfig,
} from "./samplers/config/samplerNames.js";
export {
	parseSchedulerConfig,
	type SamplerConfig,
	type SchedulerConfig,
} from "./samplers/config/schedulerConfig.js";
export {
	createSampler,
	type SamplerOptions,
} from "./samplers/createSampler.js";
export {
	SAMPLER_NAMES,
	type Sampler,
	type SamplerInput,
	type SamplerName,
	type SamplerOutput,
	type SamplerState,
} from "./samplers/sampler.js";
export {
	evaluationCount,
	isFewStepSampler,
	usualEta,
	usualSteps,
} from "./samplers/samplerSteps.js";
