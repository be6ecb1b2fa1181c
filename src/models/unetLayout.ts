import type { UnetConfig } from "./unetConfig.js";
import type { UnetPart } from "./unetPart.js";

/** A feature map: its channels, and how often the latents' height and width are halved. */
export interface FeatureMap {
	readonly channels: number;
	readonly halvings: number;
}

/** The skip features, in the order the encoder makes them: conv_in, then each level's layers and its downsampling. */
export function skipFeatures(config: UnetConfig): readonly FeatureMap[] {
	const skips: FeatureMap[] = [
		{ channels: config.levels[0].channels, halvings: 0 },
	];
	for (const [level, { channels, downLayers }] of config.levels.entries()) {
		for (let layer = 0; layer < downLayers; layer++)
			skips.push({ channels, halvings: level });
		if (level < config.levels.length - 1)
			skips.push({ channels, halvings: level + 1 });
	}
	return skips;
}

/** A layer of the decoder half: the `layer`-th of up block `block`, which is at level `level`. */
export interface UpLayer {
	readonly block: number;
	readonly level: number;
	readonly layer: number;
	readonly isLast: boolean;
}

/** The up layers, in the order they run; layer u consumes skip feature S-1-u. */
export function upLayers(config: UnetConfig): readonly UpLayer[] {
	return config.levels.toReversed().flatMap(({ upLayers: count }, block) =>
		Array.from({ length: count }, (_, layer) => ({
			block,
			level: config.levels.length - 1 - block,
			layer,
			isLast: layer === count - 1,
		})),
	);
}

/** What enters the decoder cut to its last `cut` up layers, before it is joined with a skip feature. */
export function deepFeature(config: UnetConfig, cut: number): FeatureMap {
	const layers = upLayers(config);
	const { level, layer } = layers[layers.length - cut];
	const from = layer > 0 ? level : level + 1;
	const deepest = config.levels.length - 1;
	return {
		channels: config.levels[Math.min(from, deepest)].channels,
		halvings: level,
	};
}

/** @throws RangeError when the network has no such part. */
export function checkUnetPart(config: UnetConfig, part: UnetPart): void {
	const count = skipFeatures(config).length;
	const cuts = [part.encoder, part.decoder, ...(part.deepOutputs ?? [])];
	for (const cut of cuts)
		if (
			typeof cut === "number" &&
			!(Number.isInteger(cut) && cut >= 1 && cut <= count)
		)
			throw new RangeError(
				`this UNet has ${count} skip features and as many up layers: it cannot be cut at ${cut}`,
			);
	if (part.encoder === "none" && part.decoder === "none")
		throw new RangeError("a UNet without encoder and decoder computes nothing");
	const deepest = part.decoder === "full" ? count : part.decoder;
	for (const cut of part.deepOutputs ?? [])
		if (deepest === "none" || cut > deepest)
			throw new RangeError(
				`deep_${cut} is not in a decoder that is cut at ${deepest}`,
			);
}
