import { shorten } from "../../errors/shorten.js";
import { UserError } from "../../errors/userError.js";
import {
	type GroupsAndHeads,
	renameUnet,
} from "../checkpoint/checkpointUnet.js";
import { weightsKind } from "../checkpoint/foreignWeights.js";
import type { TensorEntry } from "../formats/weights.js";
import type { OpenedPart } from "./openedPart.js";

/** A control net under diffusers' names, with its config as JSON. */
export type ControlNetPart = OpenedPart & { readonly config: unknown };

/** What stands before the names of original files. */
const prefix = "control_model.";
/** The layers of the picture's embedding lie between activations, which have none. */
const convolutions = 8;

/**
 * A control net as it was opened, under diffusers' names: those of lllyasviel's original files (`control_model.*`, or without that prefix) are
 * changed, and the config of a single file is told from its shapes.
 * @param unet the config of the UNet that it goes with, whose encoder half it is a copy of: shapes do not tell its groups and heads
 * @throws UserError when it is something else.
 */
export function controlNetPart(
	part: OpenedPart,
	unet?: GroupsAndHeads,
): ControlNetPart {
	const { label, weights } = part;
	const names = new Map<string, TensorEntry>();
	for (const [name, entry] of weights.tensors) {
		const plain = name.startsWith(prefix) ? name.slice(prefix.length) : name;
		names.set(plain, { ...entry, name: plain });
	}
	if (names.has("controlnet_cond_embedding.conv_in.weight")) {
		if (part.config !== undefined) return { ...part, config: part.config };
		throw new UserError(
			`${label} is a control net in diffusers' naming without its config: give its folder, with config.json`,
		);
	}
	if (!names.has("input_hint_block.0.weight")) {
		const foreign = weightsKind(names.keys());
		throw new UserError(
			`${label} is no control net${foreign ? `: it is ${foreign}` : ` (it has tensors such as ${shorten([...names.keys()][0] ?? "none")})`}`,
			{ code: "unsupported" },
		);
	}
	if (names.has("difference"))
		throw new UserError(
			`${label} is the difference of a control net to its model: take the file that holds the whole net`,
			{ code: "unsupported" },
		);
	const { tensors, inferConfig } = renameUnet(names, label);
	const all = new Map(tensors);
	for (const [name, entry] of names) {
		const own = controlName(name);
		if (own) all.set(own, { ...entry, name: own });
	}
	const shape = (name: string) => all.get(name)?.shape ?? [];
	const conditioning = [
		shape("controlnet_cond_embedding.conv_in.weight")[0],
		...[1, 3, 5].map(
			(block) => shape(`controlnet_cond_embedding.blocks.${block}.weight`)[0],
		),
	];
	const { up_block_types: _, out_channels: __, ...config } = inferConfig(unet);
	return {
		label,
		config: {
			...config,
			_class_name: "ControlNetModel",
			conditioning_channels: shape(
				"controlnet_cond_embedding.conv_in.weight",
			)[1],
			conditioning_embedding_out_channels: conditioning,
		},
		weights: { ...weights, tensors: all },
	};
}

/** diffusers' name of what a control net has beside a UNet's encoder half. */
function controlName(original: string): string | undefined {
	const hint = /^input_hint_block\.(\d{1,2})\.(weight|bias)$/.exec(original);
	if (hint) {
		const at = Number(hint[1]) / 2;
		const layer =
			at === 0
				? "conv_in"
				: at === convolutions - 1
					? "conv_out"
					: `blocks.${at - 1}`;
		return `controlnet_cond_embedding.${layer}.${hint[2]}`;
	}
	const zero = /^zero_convs\.(\d{1,2})\.0\.(weight|bias)$/.exec(original);
	if (zero) return `controlnet_down_blocks.${zero[1]}.${zero[2]}`;
	const middle = /^middle_block_out\.0\.(weight|bias)$/.exec(original);
	return middle ? `controlnet_mid_block.${middle[1]}` : undefined;
}
