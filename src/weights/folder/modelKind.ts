import { UserError } from "../../errors/userError.js";
import type { ModelFiles, NetworkFiles } from "./modelFiles.js";

/** What a model draws from, beside noise and a prompt. */
export type ModelKind =
	| "text-to-image"
	| "inpainting"
	| "instruct-pix2pix"
	| "depth-to-image"
	| "upscaling"
	| "unclip"
	| "unknown";

const descriptions: Readonly<Record<ModelKind, string>> = {
	"text-to-image": "a text-to-image model",
	inpainting: "an inpainting model (it takes a mask and a masked picture)",
	"instruct-pix2pix":
		"an instruct-pix2pix model (it takes a picture to be edited)",
	"depth-to-image": "a depth-to-image model (it takes a depth map)",
	upscaling: "an upscaler (it takes a small picture)",
	unclip: "an unCLIP model (it takes the CLIP embedding of a picture)",
	unknown: "no text-to-image model",
};

/** Channels of a model's latents, and of what its UNet takes. */
export interface ModelChannels {
	readonly latent: number;
	readonly unet: number;
}

/** The channels of the two networks, by their weights where those tell and else by their configs. */
export function modelChannels(
	unet: NetworkFiles,
	vae: NetworkFiles,
): ModelChannels {
	return {
		latent: configNumber(vae, "latent_channels") ?? 4,
		unet:
			unet.weights.tensors.get("conv_in.weight")?.shape[1] ??
			configNumber(unet, "in_channels") ??
			4,
	};
}

/**
 * Tells what kind of model two networks belong to by what the UNet takes beside latents: nothing; a mask and a masked picture's
 * latents (Stable Diffusion inpainting); a picture's latents (InstructPix2Pix, Brooks et al. 2022); a depth map (2-depth); a
 * small picture (the x4 upscaler); a picture's embedding as its class (2.1 unCLIP).
 */
export function modelKind(unet: NetworkFiles, vae: NetworkFiles): ModelKind {
	const { class_embed_type: classes } = (unet.config ?? {}) as {
		class_embed_type?: unknown;
	};
	if (classes === "projection") return "unclip";
	const channels = modelChannels(unet, vae);
	switch (channels.unet - channels.latent) {
		case 0:
			return "text-to-image";
		case channels.latent + 1:
			return "inpainting";
		case channels.latent:
			return "instruct-pix2pix";
		case 1:
			return "depth-to-image";
		case 3:
			return "upscaling";
		default:
			return "unknown";
	}
}

/**
 * Refuses a model that draws from more than is known how to be given.
 * @throws UserError, one line that says which kind of model it is.
 */
export function requireKind(
	{ label, kind, networks }: ModelFiles,
	known: readonly ModelKind[],
): void {
	if (known.includes(kind)) return;
	const { latent, unet } = modelChannels(networks.unet, networks.vae);
	throw new UserError(
		`${label} is ${descriptions[kind]}: its UNet takes ${unet} channels, of which ${latent} are latents; only text-to-image and inpainting models of Stable Diffusion 1.x and 2.x can draw here`,
		{ code: "unsupported" },
	);
}

function configNumber({ config }: NetworkFiles, key: string) {
	const value = (config as Record<string, unknown> | null)?.[key];
	return typeof value === "number" ? value : undefined;
}
