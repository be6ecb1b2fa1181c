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
	/** `latents` to `image`. */
	decoder(
		dims: VaeDims,
		flavour?: GraphFlavour,
		statistics?: NormStatistics,
	): Graph;
	/** `image` to `mean` and, where latents are a distribution, `logvar`. */
	encoder(dims: VaeDims, flavour?: GraphFlavour): Graph;
}

/**
 * The autoencoder of a config.json: AutoencoderTiny (TAESD), else AutoencoderKL.
 * @throws UserError when the config is malformed, or of a kind that is not supported
 */
export function autoencoder(
	json: unknown,
	weights: Weights,
	label?: string,
): Autoencoder {
	const kind = (json as { _class_name?: unknown } | null)?._class_name;
	if (kind === "AutoencoderTiny") {
		const config = parseTinyConfig(json, label);
		return {
			config,
			// it has no norms
			decoder: (dims, flavour) =>
				buildTinyDecoder(config, weights, dims, flavour),
			encoder: (...sizes) => buildTinyEncoder(config, weights, ...sizes),
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
		decoder: (dims, flavour, statistics) =>
			buildVaeDecoder({ ...config, statistics }, weights, dims, flavour),
		encoder: (...sizes) => buildVaeEncoder(config, weights, ...sizes),
	};
}
