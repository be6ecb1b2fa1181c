import { OptionError } from "../errors/optionError.js";
import { autoencoder } from "../models/autoencoder.js";
import type { GroupsAndHeads } from "../weights/checkpoint/checkpointUnet.js";
import type { NamedNetworks } from "../weights/folder/modelFiles.js";
import { modelChannels } from "../weights/folder/modelKind.js";
import {
	type AutoencoderPart,
	autoencoderPart,
} from "../weights/parts/autoencoderPart.js";
import { controlNetPart } from "../weights/parts/controlNetPart.js";
import type { OpenedPart } from "../weights/parts/openedPart.js";
import type { ControlNetFiles } from "./controlNetworks.js";

/**
 * An autoencoder that stands in place of a model's own.
 * @param where what the user called it
 * @throws UserError when it is none; OptionError when its latents are of another kind
 */
export function vaeFor(
	networks: NamedNetworks,
	opened: OpenedPart,
	where: string,
): AutoencoderPart {
	const part = autoencoderPart(opened);
	autoencoder(part.config, part.weights, `${where}: config.json`);
	const [given, wanted] = [part, networks.vae].map(
		(vae) => modelChannels(networks.unet, vae).latent,
	);
	if (given !== wanted)
		throw new OptionError(
			"vae",
			`${where} is for latents of ${given} channels, but the model's have ${wanted}: it is for another kind of model`,
		);
	return part;
}

/**
 * A control net beside a model's UNet, whose encoder half it is a copy of.
 * @throws UserError when it is none
 */
export function controlNetFor(
	{ unet }: NamedNetworks,
	opened: OpenedPart,
): ControlNetFiles {
	const { norm_num_groups, attention_head_dim, num_attention_heads } =
		(unet.config ?? {}) as GroupsAndHeads;
	return controlNetPart(opened, {
		norm_num_groups,
		attention_head_dim,
		num_attention_heads,
	});
}
