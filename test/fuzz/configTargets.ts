import { readJsonText } from "../../src/files/parseJson.js";
import { parseClipTextConfig } from "../../src/models/clipConfig.js";
import { parseClipVisionConfig } from "../../src/models/clipVisionConfig.js";
import { parseUnetConfig } from "../../src/models/unetConfig.js";
import { parseVaeConfig } from "../../src/models/vaeConfig.js";
import { SIGMA_SCHEDULES } from "../../src/samplers/config/samplerConfig.js";
import { createSampler } from "../../src/samplers/createSampler.js";
import { SAMPLER_NAMES } from "../../src/samplers/sampler.js";
import { loadTokenizer } from "../../src/tokenizer/loadTokenizer.js";
import { promptChunks } from "../../src/tokenizer/promptChunks.js";
import { parsePromptWeights } from "../../src/tokenizer/promptWeights.js";
import { jsonText, mutatedJson, mutatedText } from "./mutate.js";
import { bytesOf, jsonOf, promise, target } from "./target.js";

const configs = {
	"unet-config": [parseUnetConfig, "tiny-sd/unet/config.json"],
	"vae-config": [parseVaeConfig, "tiny-sd/vae/config.json"],
	"text-config": [parseClipTextConfig, "tiny-sd/text_encoder/config.json"],
	"vision-config": [parseClipVisionConfig, "tiny-clip/config.json"],
} as const;

const tokenizerTexts = () => {
	const text = (name: string) =>
		bytesOf("tiny-sd", "tokenizer", name).toString();
	return {
		vocab: text("vocab.json"),
		merges: text("merges.txt"),
		config: text("tokenizer_config.json"),
		specialTokens: text("special_tokens_map.json"),
		addedTokens: '{"<a-token>": 1000}',
	};
};

const TEXTS = [
	"a red apple",
	"",
	"é <|endoftext|> 7!",
	"日本語",
	"\ud800 <a-token>",
];

export const configTargets = [
	...Object.entries(configs).map(([name, [parse, path]]) =>
		target(name, async () => {
			const config = jsonOf(path);
			return {
				make: (random) => jsonText(mutatedJson(config, random), random),
				run: (text) => parse(readJsonText(text, name), name),
			};
		}),
	),
	target("scheduler", async () => {
		const config = {
			...(jsonOf("tiny-sd/scheduler/scheduler_config.json") as object),
			...{ lambda_min_clipped: -5, solver_order: 2, trained_betas: null },
			...{ algorithm_type: "dpmsolver++", use_karras_sigmas: false },
			...{ timestep_spacing: "leading", beta_schedule: "scaled_linear" },
			...{
				thresholding: false,
				sample_max_value: 1,
				final_sigmas_type: "zero",
			},
			...{ rescale_betas_zero_snr: false, set_alpha_to_one: false },
		};
		return {
			make: (random) => ({
				text: jsonText(mutatedJson(config, random), random),
				overrides: random.chance(0.3)
					? mutatedJson({ steps_offset: 1, beta_start: 0.001 }, random)
					: {},
				name: random.pick(SAMPLER_NAMES),
				steps: random.pick([1, 2, 3, 5, 20, 999]),
				schedule: random.pick(SIGMA_SCHEDULES),
			}),
			run: ({ text, overrides, ...options }) => {
				const sampler = createSampler({
					...options,
					config: readJsonText(text, "f"),
					overrides: overrides as object,
				});
				promise(
					sampler.timesteps.every(Number.isFinite),
					"timesteps are not finite",
				);
			},
		};
	}),
	target("tokenizer", async () => {
		const texts = tokenizerTexts();
		return {
			make: (random) => {
				const key = random.pick(Object.keys(texts)) as keyof typeof texts;
				const asText = key === "merges" || random.chance(0.2);
				return {
					...texts,
					[key]: asText
						? mutatedText(texts[key], random)
						: jsonText(mutatedJson(JSON.parse(texts[key]), random), random),
				};
			},
			run: (files) => {
				const tokenizer = loadTokenizer(files, "t");
				for (const text of TEXTS)
					promise(
						tokenizer
							.encode(text)
							.every((id) => Number.isInteger(id) && id >= 0),
						"ids are no ids",
					);
			},
		};
	}),
	target("prompt-weights", async () => {
		const tokenizer = loadTokenizer(tokenizerTexts(), "t");
		return {
			make: (random) =>
				mutatedText("a (red:1.3) [apple] \\(b\\) BREAK ((c)) <a:1>", random),
			run: (text) => {
				for (const { weights } of promptChunks(
					parsePromptWeights(text),
					tokenizer,
				))
					promise(weights.every(Number.isFinite), "weights are not finite");
			},
		};
	}),
];
