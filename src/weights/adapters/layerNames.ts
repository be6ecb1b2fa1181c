import { unetName } from "../checkpoint/checkpointUnet.js";
import type { Weights } from "../formats/weights.js";
import type { AdaptedNetwork } from "./adapterNames.js";
import { plainLayer } from "./adapterNames.js";

/** Finds a network's layer by what adapters call it: its dotted name, or undefined. */
export type FindLayer = (plain: string) => string | undefined;

/**
 * The layers of a network by their plain names (see `plainLayer`): diffusers' and transformers', and of a UNet CompVis' too.
 */
export function layerFinder(
	network: AdaptedNetwork,
	weights: Weights,
): FindLayer {
	const layers = new Map<string, string>();
	for (const name of weights.tensors.keys()) {
		if (!name.endsWith(".weight")) continue;
		const layer = name.slice(0, -".weight".length);
		layers.set(plainLayer(layer), layer);
	}
	const downLayers = countDownLayers(weights);
	const find: FindLayer = (plain) =>
		// old diffusers' `to_out_lora` stands for the layer in the sequence `to_out`
		layers.get(plain) ?? layers.get(`${plain}_0`);
	if (network === "text_encoder") return find;
	return (plain) => {
		const known = find(plain);
		if (known) return known;
		const current = unetName(dotted(plain), downLayers);
		return current === undefined
			? undefined
			: find(plainLayer(current.replace(/\.$/, "")));
	};
}

/** Residual blocks a level of a UNet. */
function countDownLayers({ tensors }: Weights): number {
	let count = 0;
	while (tensors.has(`down_blocks.0.resnets.${count}.conv1.weight`)) count++;
	return count;
}

/** CompVis' name of a layer, with those dots that its translation looks for. */
function dotted(plain: string): string {
	return `${plain}_`
		.replace(/^(input_blocks|output_blocks)_(\d+)_(\d)_/, "$1.$2.$3.")
		.replace(/^middle_block_(\d)_/, "middle_block.$1.")
		.replace(/^(time_embed|out)_(\d)_/, "$1.$2.")
		.replace(/(in_layers|emb_layers|out_layers)_(\d)_/, "$1.$2.")
		.replace(/(skip_connection|\.op|\.conv)_/, "$1.")
		.replace(/_$/, "");
}
