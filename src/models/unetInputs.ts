import type { GraphBuilder, Value } from "../graph/graphBuilder.js";
import {
	type SinusoidOptions,
	timestepFeatures,
} from "../graph/layers/timestepEmbedding.js";
import { ONNX_TYPE } from "../graph/onnxModel.js";
import type { Tensor } from "../tensor/tensor.js";
import { mergeTargetCount } from "./mergePositions.js";
import type { UnetConfig } from "./unetConfig.js";
import { deepFeature, type FeatureMap, skipFeatures } from "./unetLayout.js";
import type { UnetDims } from "./unetPart.js";

/** The inputs a UNet graph can have; each becomes one when it is first asked for, so that no part has inputs it does not need. */
export interface UnetInputs {
	readonly sample: () => Value;
	readonly timestep: () => Value;
	/** Sinusoids of the timesteps `[batch, channels]`, made outside the graph (see `withTimeFeatures`). */
	readonly timeFeatures: () => Value;
	/** Sinusoids of the guidance scale `[batch, features]` (see `guidanceFeatures`). */
	readonly guidance: (features: number) => Value;
	readonly text: (features: number) => Value;
	readonly skip: (index: number) => Value;
	readonly mid: () => Value;
	readonly deep: (cut: number) => Value;
	/** The output of a cross-attention, kept from an earlier run: of the dims of `like`, which has its batch, pixels and channels. */
	readonly crossAttention: (name: string, like: Value) => Value;
	/** Positions `[batch, …]` of the pixels that may be merged into others, and of those others. */
	readonly mergeSources: () => Value;
	readonly mergeTargets: () => Value;
}

/** Inputs of a UNet graph, at the sizes it is counted for; batch, height, width and tokens stay open. */
export function unetInputs(
	g: GraphBuilder,
	config: UnetConfig,
	dims: UnetDims,
): UnetInputs {
	const made = new Map<string, Value>();
	const once = (name: string, make: () => Value) => {
		const value = made.get(name) ?? make();
		made.set(name, value);
		return value;
	};
	const feature = (name: string, { channels, halvings }: FeatureMap) =>
		once(name, () =>
			g.input(
				name,
				["batch", channels, axis("height", halvings), axis("width", halvings)],
				[
					dims.batch,
					channels,
					halved(config, dims.height, halvings),
					halved(config, dims.width, halvings),
				],
			),
		);
	const skips = skipFeatures(config);
	const pixels = dims.height * dims.width;
	const targets = mergeTargetCount(dims);
	const positions = (name: string, count: number) =>
		once(name, () =>
			g.node(
				"Cast",
				[g.input(name, ["batch", name], [dims.batch, count], "float32")],
				{
					dims: [dims.batch, count],
					attributes: { to: BigInt(ONNX_TYPE.int64) },
				},
			),
		);
	return {
		sample: () =>
			feature("sample", { channels: config.inChannels, halvings: 0 }),
		timestep: () =>
			once("timestep", () =>
				g.input("timestep", ["batch"], [dims.batch], "float32"),
			),
		timeFeatures: () =>
			once("time_features", () =>
				g.input(
					"time_features",
					["batch", config.levels[0].channels],
					[dims.batch, config.levels[0].channels],
				),
			),
		guidance: (features) =>
			once("timestep_cond", () =>
				g.input("timestep_cond", ["batch", features], [dims.batch, features]),
			),
		text: (features) =>
			once("encoder_hidden_states", () =>
				g.input(
					"encoder_hidden_states",
					["batch", "tokens", features],
					[dims.batch, dims.tokens, features],
				),
			),
		skip: (index) => feature(`skip_${index}`, skips[index]),
		mid: () => feature("mid", skips[skips.length - 1]),
		deep: (cut) => feature("deep", deepFeature(config, cut)),
		crossAttention: (name, { dims: [batch, tokens, channels] }) =>
			g.input(
				name,
				["batch", `${name}:pixels`, channels],
				[batch, tokens, channels],
			),
		mergeSources: () => positions("merge_sources", pixels - targets),
		mergeTargets: () => positions("merge_targets", targets),
	};
}

/** How a UNet's timestep sinusoids are made. */
export function sinusoidsOf(config: UnetConfig): SinusoidOptions {
	return { cosineFirst: config.flipSinToCos, shift: config.freqShift };
}

/** A UNet's inputs with the sinusoids of their `timestep` [batch] as `time_features` too, for graphs that take those. */
export function withTimeFeatures(
	config: UnetConfig,
	inputs: Readonly<Record<string, Tensor>>,
): Readonly<Record<string, Tensor>> {
	return {
		...inputs,
		time_features: timestepFeatures(
			inputs.timestep.data,
			config.levels[0].channels,
			sinusoidsOf(config),
		),
	};
}

/**
 * The guidance scale as a UNet takes it that has guidance distilled into it: sinusoids of 1000 · (scale − 1), as diffusers'
 * `get_guidance_scale_embedding` makes them. `[1, features]`
 */
export function guidanceFeatures(scale: number, features: number): Tensor {
	const times = Float32Array.of((scale - 1) * 1000);
	return timestepFeatures(times, features, { cosineFirst: false, shift: 1 });
}

function axis(name: string, halvings: number): string {
	return halvings ? `${name}/${2 ** halvings}` : name;
}

function halved(config: UnetConfig, size: number, halvings: number): number {
	let result = size;
	for (let i = 0; i < halvings; i++)
		result = Math.floor((result + config.downsamplePadding) / 2);
	return result;
}
