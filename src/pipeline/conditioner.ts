import { OptionError } from "../errors/optionError.js";
import type { UnetConfig } from "../models/unetConfig.js";
import { guidanceFeatures } from "../models/unetInputs.js";
import type { Conditioning } from "../propagation/denoiser.js";
import { assertFinite } from "../tensor/assertFinite.js";
import { concat, rows, type Tensor } from "../tensor/tensor.js";
import {
	alignChunks,
	type PromptChunk,
	promptChunks,
} from "../tokenizer/promptChunks.js";
import {
	parsePromptWeights,
	weightTextStates,
} from "../tokenizer/promptWeights.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";
import { isGuided } from "./isGuided.js";
import type { RunNetworks } from "./networks.js";
import type { RunSettings } from "./runSettings.js";

/** What a conditioner reads of a run's settings. */
export type PromptSettings = Pick<
	RunSettings,
	| "prompt"
	| "negativePrompt"
	| "guidanceScale"
	| "clipSkip"
	| "promptWeighting"
	| "longPrompts"
>;

/** A model's tokenizers, by their names in `ModelFiles.tokenizers`. */
export type Tokenizers = Readonly<
	Record<"tokenizer", Tokenizer> & Record<string, Tokenizer>
>;

/** Makes what guides the run of one image out of its texts. Kinds of models differ in their tokenizers, text encoders and conditions. */
export type Conditioner = (
	networks: Pick<RunNetworks, "encodeText">,
	settings: PromptSettings,
) => Promise<Conditioning>;

/**
 * The conditioner of Stable Diffusion 1.x and 2.x: text states of the prompt, and with guidance of the negative prompt, as diffusers'
 * `StableDiffusionPipeline.encode_prompt` makes them; with prompt weighting or long prompts as A1111 does. Each `[1, tokens, features]`.
 * A UNet that has guidance distilled into it is told the scale instead.
 */
export function clipConditioner(
	{ tokenizer }: Tokenizers,
	unet: Pick<UnetConfig, "guidanceFeatures"> = {},
): Conditioner {
	return async (networks, settings) => {
		const { guidanceScale } = settings;
		const guided = isGuided(guidanceScale, unet);
		const prompts = guided
			? (["negativePrompt", "prompt"] as const)
			: (["prompt"] as const);
		const chunked = alignChunks(
			prompts.map((option) => chunksOf(option, tokenizer, settings)),
			tokenizer,
		);
		const ids = chunked.flat().map((chunk) => chunk.ids);
		const { hidden_states: states } = await networks.encodeText(ids, {
			clipSkip: settings.clipSkip,
		});
		const weighted = settings.promptWeighting
			? weightTextStates(
					states,
					chunked.flat().map((chunk) => chunk.weights),
				)
			: states;
		assertFinite("text states with the weights of the prompt", weighted);
		// the states of a prompt's chunks, one after another, are the states of the prompt
		const [, tokens, features] = weighted.dims;
		const joined: Tensor = {
			dims: [prompts.length, chunked[0].length * tokens, features],
			data: weighted.data,
		};
		return guided
			? {
					negative: { encoder_hidden_states: rows(joined, 0, 1) },
					positive: { encoder_hidden_states: rows(joined, 1, 2) },
					guidanceScale,
				}
			: {
					positive: {
						encoder_hidden_states: joined,
						...(unet.guidanceFeatures && {
							timestep_cond: guidanceFeatures(
								guidanceScale,
								unet.guidanceFeatures,
							),
						}),
					},
					guidanceScale: 1,
				};
	};
}

/** More chunks than anybody means: attention over those that 10,000 characters can ask for takes more memory than a machine has. */
const MOST_CHUNKS = 100;

/** @throws OptionError when there are too many */
function chunksOf(
	option: "prompt" | "negativePrompt",
	tokenizer: Tokenizer,
	{ promptWeighting, longPrompts, [option]: text }: PromptSettings,
): PromptChunk[] {
	if (!promptWeighting && !longPrompts) {
		const ids = tokenizer.encode(text);
		return [{ ids, weights: ids.map(() => 1) }];
	}
	const chunks = promptChunks(
		promptWeighting ? parsePromptWeights(text) : text,
		tokenizer,
	);
	if (!longPrompts) return chunks.slice(0, 1);
	if (chunks.length > MOST_CHUNKS)
		throw new OptionError(
			option,
			`it makes ${chunks.length} chunks of ${tokenizer.maxLength - 2} tokens, of which ${MOST_CHUNKS} are the most`,
		);
	return chunks;
}

/** The same conditioning for each of `count` images. */
export function forImages(
	conditioning: Conditioning,
	count: number,
): Conditioning {
	const repeat = (tensors: Readonly<Record<string, Tensor>>) =>
		Object.fromEntries(
			Object.entries(tensors).map(([name, tensor]) => [
				name,
				concat(new Array<Tensor>(count).fill(tensor)),
			]),
		);
	if (count === 1) return conditioning;
	const { negative } = conditioning;
	return {
		...conditioning,
		positive: repeat(conditioning.positive),
		...(negative ? { negative: repeat(negative) } : {}),
	};
}
