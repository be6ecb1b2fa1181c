import type { UnetConfig } from "../src/models/unetConfig.js";
import { skipFeatures } from "../src/models/unetLayout.js";
import type { UnetDims } from "../src/models/unetPart.js";
import { elementCount, type Tensor } from "../src/tensor/tensor.js";
import { uniformNoise } from "./uniformNoise.js";

const noise = uniformNoise(1 << 20);

/** Inputs for any part of a UNet whose sizes are multiples of all its halvings: noise of about unit variance, timestep 500. */
export function randomInputs(
	config: UnetConfig,
	{ batch, height, width, tokens }: UnetDims,
): Record<string, Tensor> {
	const maps = skipFeatures(config);
	const feature = ({ channels, halvings }: (typeof maps)[number]) =>
		filled([batch, channels, height >> halvings, width >> halvings]);
	return {
		sample: feature({ channels: config.inChannels, halvings: 0 }),
		timestep: { dims: [batch], data: new Float32Array(batch).fill(500) },
		encoder_hidden_states: filled([
			batch,
			tokens,
			config.levels[0].crossAttentionDim,
		]),
		mid: feature(maps[maps.length - 1]),
		...Object.fromEntries(
			maps.map((map, index) => [`skip_${index}`, feature(map)]),
		),
	};
}

function filled(dims: readonly number[]): Tensor {
	const data = new Float32Array(elementCount(dims));
	for (let at = 0; at < data.length; at += noise.length)
		data.set(
			noise.subarray(0, data.length - at).map((value) => 1.7 * value),
			at,
		);
	return { dims, data };
}
