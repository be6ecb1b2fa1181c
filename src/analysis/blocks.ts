import type { UnetConfig } from "../models/unetConfig.js";
import { skipFeatures, upLayers } from "../models/unetLayout.js";

/** A place in the UNet whose output is watched. */
export interface WatchedBlock {
	/** The name `buildUnet` observes it by, such as `down_blocks.1`; skip features are `skip_0`, … */
	readonly name: string;
	readonly half: "encoder" | "decoder";
	/** `block`: a whole block, as the paper's figures have them; `layer`: a skip feature or a single up layer. */
	readonly kind: "block" | "layer";
}

/** All watched places: conv_in, every down block, the mid block and every up block; then skip by skip, up layer by up layer. */
export function watchedBlocks(config: UnetConfig): WatchedBlock[] {
	const levels = config.levels.length;
	const numbered = (stem: string, count: number) =>
		Array.from({ length: count }, (_, n) => `${stem}${n}`);
	return [
		...["conv_in", ...numbered("down_blocks.", levels), "mid_block"].map(
			(name) => ({ name, half: "encoder", kind: "block" }) as const,
		),
		...numbered("up_blocks.", levels).map(
			(name) => ({ name, half: "decoder", kind: "block" }) as const,
		),
		...numbered("skip_", skipFeatures(config).length).map(
			(name) => ({ name, half: "encoder", kind: "layer" }) as const,
		),
		...upLayers(config).map(
			({ block, layer }) =>
				({
					name: `up_blocks.${block}.${layer}`,
					half: "decoder",
					kind: "layer",
				}) as const,
		),
	];
}
