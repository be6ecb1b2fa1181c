import type { Conditioning } from "../propagation/denoiser.js";
import { rows, type Tensor } from "../tensor/tensor.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";
import type { Networks } from "./networks.js";
import type { RunSettings } from "./runSettings.js";

/**
 * The text states that guide a run: of the prompt, and with guidance of the negative prompt, as diffusers'
 * `StableDiffusionPipeline.encode_prompt` makes them. Each `[1, tokens, features]`.
 */
export async function textStates(
	networks: Networks,
	tokenizer: Tokenizer,
	settings: RunSettings,
): Promise<Conditioning> {
	const guided = settings.guidanceScale > 1;
	const prompts = guided
		? [settings.negativePrompt, settings.prompt]
		: [settings.prompt];
	const states = await networks.encodeText(
		prompts.map((prompt) => tokenizer.encode(prompt)),
		settings.clipSkip,
	);
	return guided
		? {
				negative: rows(states, 0, 1),
				positive: rows(states, 1, 2),
				guidanceScale: settings.guidanceScale,
			}
		: { positive: states, guidanceScale: 1 };
}

/** The same text states for each of `count` images. */
export function forImages(
	conditioning: Conditioning,
	count: number,
): Conditioning {
	const repeat = ({ dims, data }: Tensor): Tensor => {
		const repeated = new Float32Array(data.length * count);
		for (let n = 0; n < count; n++) repeated.set(data, n * data.length);
		return { dims: [count, ...dims.slice(1)], data: repeated };
	};
	return count === 1
		? conditioning
		: {
				...conditioning,
				positive: repeat(conditioning.positive),
				...(conditioning.negative
					? { negative: repeat(conditioning.negative) }
					: {}),
			};
}
