import { readKeySteps } from "../../src/accelerators/planWords.js";
import { resolvePlan } from "../../src/accelerators/resolvePlan.js";
import { flagValue } from "../../src/cli/optionFlags.js";
import {
	parseMethodFile,
	parseMethods,
} from "../../src/evaluation/methods/method.js";
import { MODEL_OPTIONS } from "../../src/pipeline/modelOptions.js";
import {
	GENERATION_OPTIONS,
	type OptionEntry,
} from "../../src/pipeline/options.js";
import { parsePlanFile } from "../../src/propagation/planFile.js";
import { parseKeySteps } from "../../src/propagation/planStates.js";
import { samplerByName } from "../../src/samplers/config/samplerNames.js";
import { createSampler } from "../../src/samplers/createSampler.js";
import { SAMPLER_NAMES } from "../../src/samplers/sampler.js";
import { parseHubId } from "../../src/weights/hub/hubId.js";
import { jsonText, mutatedJson, mutatedText } from "./mutate.js";
import { promise, target } from "./target.js";

const PLANS = [
	...["all", "paper", "uniform:4", "deepcache:3:2", "0,1,2,5@1:log-snr"],
	...["full,decoder,outer:2,nothing:1:denoised,outer:3:kept", "auto"],
	...["adaptive:0.1", "ucache:0.2", "easycache:0.1", "tgate:5", "tome:0.5"],
	...[
		"cfg-cutoff:0.5",
		"paper+cfg-cutoff:0.5",
		"times:900/500/100",
		"uniform:2+log-snr:-3/0/3",
	],
];
const plans = [
	{
		sampler: "ddim",
		steps: 20,
		keySteps: [0, 1, 2, 5, 10],
		injectNoise: 0.003,
		injectUntil: 0.5,
	},
	{
		sampler: "ddim",
		steps: 3,
		times: [900, 500, 100],
		states: ["full", "outer:2:kept", "nothing:1:denoised"],
		extrapolation: { order: 1, over: "log-snr" },
	},
];
const METHODS =
	"ddim-5+uniform:2,dpm-solver++-20+paper+inject:0.003+batch:2,study,ddim-50+keys:0/1/2/5,euler-9+guidance:3,ddim-50+fewer:paper,heun-5+tgate:2";
const methods = [
	{
		name: "a",
		sampler: "ddim",
		steps: 5,
		keySteps: "uniform:2",
		injectNoise: 0.1,
		fewer: { plan: "paper", by: "time" },
	},
	"ddim-5+paper",
];

const everyOption: Readonly<Record<string, OptionEntry>> = {
	...GENERATION_OPTIONS,
	...MODEL_OPTIONS,
};
const OPTION_WORDS = [
	"5",
	"0.5",
	"1e3",
	"512",
	"true",
	"cuda",
	"karras",
	"-1",
	"DPM++ 2M Karras",
	"fp16",
	"paper",
];

export const wordTargets = [
	target("key-steps", async () => ({
		make: (random) => ({
			words: random.chance(0.1)
				? random.pick(PLANS)
				: mutatedText(random.pick(PLANS), random),
			evaluations: random.pick([1, 2, 5, 20]),
		}),
		run: ({ words, evaluations }) => {
			const { states } = parseKeySteps(words, evaluations);
			promise(states.length === evaluations, "the plan is of another length");
		},
	})),
	target("plans", async () => ({
		make: (random) => ({
			asked: random.chance(0.4)
				? mutatedText(random.pick(PLANS), random)
				: random.chance(0.5)
					? mutatedJson(random.pick(plans), random)
					: jsonText(mutatedJson(random.pick(plans), random), random),
			sampler: random.pick(SAMPLER_NAMES),
			steps: random.pick([1, 2, 3, 5, 20]),
		}),
		run: ({ asked, sampler, steps }) => {
			const value =
				typeof asked === "string" && asked.startsWith("{")
					? parsePlanFile(asked, "f")
					: asked;
			const read = readKeySteps(value as Parameters<typeof readKeySteps>[0]);
			if (read.states === "auto") return;
			resolvePlan(read, {
				...{ sampler, steps, guidanceScale: 7.5 },
				createSampler: (times?: Parameters<typeof createSampler>[0]["times"]) =>
					createSampler({ name: sampler, steps, times, config: {} }),
			});
		},
	})),
	target("methods", async () => ({
		make: (random) =>
			random.chance(0.4)
				? jsonText(mutatedJson(methods, random), random)
				: mutatedText(METHODS, random),
		run: (text) =>
			/^\s*[[{]/.test(text) ? parseMethodFile(text, "f") : parseMethods(text),
	})),
	target("flags", async () => ({
		make: (random) => ({
			name: random.pick(Object.keys(everyOption)),
			word: mutatedText(random.pick(OPTION_WORDS), random),
		}),
		run: ({ name, word }) => flagValue(name, everyOption[name], word),
	})),
	target("names", async () => ({
		make: (random) => ({
			sampler: mutatedText(
				random.pick([
					"DPM++ 2M Karras",
					"euler-a",
					"EulerDiscreteScheduler",
					"k_lms",
				]),
				random,
			),
			model: mutatedText(
				random.pick(["owner/name", "a/b@main", "a/b@refs/pr/3"]),
				random,
			),
		}),
		run: ({ sampler, model }) => {
			parseHubId(model);
			samplerByName(sampler);
		},
	})),
];
