import type { UnetConfig } from "../models/unetConfig.js";
import { skipFeatures } from "../models/unetLayout.js";
import type { UnetPart } from "../models/unetPart.js";
import type { Tensor } from "../tensor/tensor.js";
import { halvesOf } from "./unetInHalves.js";

/** The decoder half that runs after an encoder half; undefined where `part` is something else. */
export function decoderHalfAfter(part: UnetPart): UnetPart | undefined {
	const { encoder, decoder, mergeTokens: _, ...more } = part;
	return encoder === "full" && decoder === "none" && isEmpty(more)
		? halvesOf({ ...part, decoder: "full" })[1]
		: undefined;
}

const isEmpty = (own: object) => Object.keys(own).length === 0;

/** The dims of a decoder half's inputs, from the inputs of the encoder half before it. */
export function decoderHalfSizes(
	config: UnetConfig,
	inputs: Readonly<Record<string, Pick<Tensor, "dims">>>,
): Record<string, Pick<Tensor, "dims">> {
	const [batch, , height, width] = inputs.sample.dims;
	const maps = skipFeatures(config);
	const sizes: Record<string, Pick<Tensor, "dims">> = { ...inputs };
	const add = (name: string, { channels, halvings }: (typeof maps)[number]) => {
		const halved = (size: number) => Math.ceil(size / 2 ** halvings);
		sizes[name] = { dims: [batch, channels, halved(height), halved(width)] };
	};
	for (const [index, map] of maps.entries()) add(`skip_${index}`, map);
	add("mid", maps[maps.length - 1]);
	return sizes;
}
