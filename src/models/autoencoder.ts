import { UserError } from "../errors/userError.js";
import { shown } from "../files/parseJson.js";
import type { Graph } from "../graph/graph.js";
import type { GraphFlavour } from "../graph/graphFlavour.js";
import type { NormStatistics } from "../graph/layers/groupNorm.js";
import type { Weights } from "../weights/formats/weights.js";
import {
	buildTinyDecoder,
	buildTinyEncoder,
	parseTinyConfig,
} from "./tinyAutoencoder.js";
import { type AutoencoderConfig, parseVaeConfig } from "./vaeConfig.js";
import { buildVaeDecoder, type VaeDims } from "./vaeDecoder.js";
import { buildVaeEncoder } from "./vaeEncoder.js";

/** An autoencoder of either kind. Each graph is made when it is asked for. */
export interface Autoencoder {
	readonly config: AutoencoderConfig;
	/** Whether there are weights of an encoder: TAESD's own files hold one half each. */
	readonly hasEncoder: boolean;
	/** `latents` to `image`. */
	decoder(
		dims: VaeDims,
		flavour?: GraphFlavour,
		statistics?: NormStatistics,
	): Graph;
	/** `image` to `mean` and, where latents are a distribution, `logvar`. */
	encoder(
		dims: VaeDims,
		flavour?: GraphFlavour,
		statistics?: NormStatistics,
	): Graph;
}

/**
 * The autoencoder of a config.json: AutoencoderTiny (TAESD), else AutoencoderKL.
 * @throws UserError when the config is malformed, or of a kind that is not supported, or the decoder's weights do not fit it
 */
export function autoencoder(
	json: unknown,
	weights: Weights,
	label?: string,
): Autoencoder {
	const made = autoencoderOf(json, weights, label);
	// said now, and not when all steps are done
	made.decoder({ batch: 1, height: 8, width: 8 });
	return made;
}

function autoencoderOf(
	json: unknown,
	weights: Weights,
	label?: string,
): Autoencoder {
	const hasEncoder = [...weights.tensors.keys()].some((name) =>
		name.startsWith("encoder."),
	);
	const kind = (json as { _class_name?: unknown } | null)?._class_name;
	if (kind === "AutoencoderTiny") {
		const config = parseTinyConfig(json, label);
		return {
			config,
			hasEncoder,
			// it has no norms
			decoder: (dims, flavour) =>
				buildTinyDecoder(config, weights, dims, flavour),
			encoder: (dims, flavour) =>
				buildTinyEncoder(config, weights, dims, flavour),
		};
	}
	if (kind !== undefined && kind !== "AutoencoderKL")
		throw new UserError(
			`${label ?? "config.json"}: _class_name is ${shown(kind)}: only AutoencoderKL and AutoencoderTiny are supported`,
			{ code: "unsupported" },
		);
	const config = parseVaeConfig(json, label);
	return {
		config,
		hasEncoder,
		decoder: (dims, flavour, statistics) =>
			buildVaeDecoder({ ...config, statistics }, weights, dims, flavour),
		encoder: (dims, flavour, statistics) =>
			buildVaeEncoder({ ...config, statistics }, weights, dims, flavour),
	};
}
