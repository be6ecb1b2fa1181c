import type { Weights } from "./formats/weights.js";

const names: Readonly<Record<number, string>> = {
	768: "Stable Diffusion 1.x",
	1024: "Stable Diffusion 2.x",
	2048: "SDXL",
};

/** The models whose UNet sees text states so wide, in words that follow "is" or "is for". */
export function modelFamily(textWidth: number): string {
	const name = names[textWidth];
	const width = `text states ${textWidth} wide`;
	return name ? `${name} (${width})` : `a model with ${width}`;
}

/** How wide the text states are that a UNet's weights are for; undefined where it sees none. */
export function textWidthOf(unet: Weights): number | undefined {
	for (const [name, { shape }] of unet.tensors)
		if (name.endsWith(".attn2.to_k.weight")) return shape[1];
	return undefined;
}
