import type { GraphBuilder, Value } from "../graph/graphBuilder.js";
import { gelu, silu } from "../graph/layers/activation.js";
import { add } from "../graph/layers/arithmetic.js";
import { conv2d } from "../graph/layers/conv2d.js";
import { groupNorm, type NormStatistics } from "../graph/layers/groupNorm.js";
import { linear } from "../graph/layers/linear.js";

/** What the residual blocks of a network have in common. */
export interface ResnetStyle {
	readonly normGroups: number;
	readonly normEpsilon: number;
	readonly activation: "silu" | "gelu";
	readonly statistics?: NormStatistics;
}

/** The activation a config names. */
export function activate(
	g: GraphBuilder,
	x: Value,
	activation: ResnetStyle["activation"],
): Value {
	return activation === "silu" ? silu(g, x) : gelu(g, x);
}

/**
 * Residual block (diffusers' ResnetBlock2D): two normalized 3x3 convolutions beside a shortcut, with the time embedding, if any,
 * added in between. `time` is `[batch, features]`, already activated.
 */
export function resnetBlock(
	g: GraphBuilder,
	x: Value,
	outChannels: number,
	style: ResnetStyle,
	time?: Value,
): Value {
	const { normGroups, normEpsilon, activation, statistics } = style;
	let hidden = groupNorm(g.at("norm1"), x, normGroups, normEpsilon, statistics);
	hidden = activate(g, hidden, activation);
	hidden = conv2d(g.at("conv1"), hidden, outChannels);
	if (time) {
		const shift = linear(g.at("time_emb_proj"), time, outChannels);
		const perChannel = g.node("Unsqueeze", [shift, g.integers([2, 3])], {
			dims: [...shift.dims, 1, 1],
		});
		hidden = add(g, hidden, perChannel);
	}
	hidden = groupNorm(
		g.at("norm2"),
		hidden,
		normGroups,
		normEpsilon,
		statistics,
	);
	hidden = activate(g, hidden, activation);
	hidden = conv2d(g.at("conv2"), hidden, outChannels);
	const shortcut =
		x.dims[1] === outChannels
			? x
			: conv2d(g.at("conv_shortcut"), x, outChannels, { kernel: 1 });
	return add(g, hidden, shortcut);
}
