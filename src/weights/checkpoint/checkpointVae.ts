import { OptionError } from "../../errors/optionError.js";
import { UserError } from "../../errors/userError.js";
import { withoutKernel } from "../folder/networkWeights.js";
import type { TensorEntry } from "../formats/weights.js";
import type { RenamedNetwork } from "./checkpointUnet.js";

/** The attention of the middle block: CompVis name, diffusers name. */
const attentionParts: Readonly<Record<string, string>> = {
	norm: "group_norm",
	q: "to_q",
	k: "to_k",
	v: "to_v",
	proj_out: "to_out.0",
};

/**
 * Names the tensors of an autoencoder in the original naming (CompVis latent-diffusion `AutoencoderKL`; the prefix
 * `first_stage_model.` taken off) as diffusers does: up blocks are counted from the other end, the attention's 1x1 convolutions
 * become linear layers over the same bytes. Its config is inferred from the shapes; the scaling factor is the published
 * models' 0.18215. Tensors that are not part of it (the loss, …) are left out.
 * @throws UserError when it has no decoder blocks.
 */
export function renameVae(
	source: ReadonlyMap<string, TensorEntry>,
	label: string,
): RenamedNetwork {
	let levels = 0;
	while (source.has(`decoder.up.${levels}.block.0.conv1.weight`)) levels++;
	if (levels === 0)
		throw new UserError(`${label}: it has no VAE decoder blocks`);
	const tensors = new Map<string, TensorEntry>();
	for (const [original, entry] of source) {
		const name = vaeName(original, levels);
		if (name)
			tensors.set(name, {
				...entry,
				name,
				shape: withoutKernel(name, entry.shape),
			});
	}
	return { tensors, inferConfig: () => inferVaeConfig(tensors, levels, label) };
}

function vaeName(original: string, levels: number): string | undefined {
	if (/^(post_)?quant_conv\.(weight|bias)$/.test(original)) return original;
	const match = /^(encoder|decoder)\.(.+)$/.exec(original);
	if (!match) return undefined;
	const [, side, rest] = match;
	if (/^conv_(in|out)\./.test(rest)) return original;
	if (rest.startsWith("norm_out."))
		return `${side}.conv_norm_out.${rest.slice("norm_out.".length)}`;

	const middle = /^mid\.(?:block_([12])|attn_1\.(\w+))\.(.+)$/.exec(rest);
	if (middle) {
		const [, block, part, tail] = middle;
		if (block)
			return `${side}.mid_block.resnets.${Number(block) - 1}.${resnetTail(tail)}`;
		return Object.hasOwn(attentionParts, part)
			? `${side}.mid_block.attentions.0.${attentionParts[part]}.${tail}`
			: undefined;
	}

	const block =
		/^(down|up)\.(\d{1,2})\.(?:block\.(\d{1,2})|(downsample|upsample))\.(.+)$/.exec(
			rest,
		);
	if (!block) return undefined;
	const [, direction, levelText, layer, sampler, tail] = block;
	const level =
		direction === "up" ? levels - 1 - Number(levelText) : Number(levelText);
	const path = `${side}.${direction}_blocks.${level}.`;
	return sampler
		? `${path}${sampler}rs.0.${tail}`
		: `${path}resnets.${layer}.${resnetTail(tail)}`;
}

function resnetTail(tail: string): string {
	return tail.replace(/^nin_shortcut\./, "conv_shortcut.");
}

function inferVaeConfig(
	tensors: ReadonlyMap<string, TensorEntry>,
	levels: number,
	label: string,
): Record<string, unknown> {
	const shapeOf = (name: string): readonly number[] => {
		const entry = tensors.get(name);
		if (!entry)
			throw new UserError(`${label}: its VAE lacks ${name} (diffusers' name)`);
		return entry.shape;
	};
	const channels = Array.from(
		{ length: levels },
		(_, level) =>
			shapeOf(
				`decoder.up_blocks.${levels - 1 - level}.resnets.0.conv1.weight`,
			)[0],
	);
	let decoderLayers = 0;
	while (
		tensors.has(`decoder.up_blocks.0.resnets.${decoderLayers}.conv1.weight`)
	)
		decoderLayers++;
	const groups = 32;
	if (channels.some((count) => count % groups !== 0))
		throw new OptionError(
			"config",
			`${label}: how its VAE's ${channels.join(", ")} channels are grouped cannot be told from a checkpoint alone; give a diffusers folder with the configs`,
		);
	return {
		_class_name: "AutoencoderKL",
		act_fn: "silu",
		block_out_channels: channels,
		down_block_types: channels.map(() => "DownEncoderBlock2D"),
		in_channels: 3,
		latent_channels: shapeOf("decoder.conv_in.weight")[1],
		// The decoder has one residual block a level more than the encoder.
		layers_per_block: decoderLayers - 1,
		norm_num_groups: groups,
		out_channels: shapeOf("decoder.conv_out.weight")[0],
		sample_size: 512,
		scaling_factor: 0.18215,
		up_block_types: channels.map(() => "UpDecoderBlock2D"),
		use_post_quant_conv: tensors.has("post_quant_conv.weight"),
		use_quant_conv: tensors.has("quant_conv.weight"),
	};
}
