import type { ModelFiles } from "../weights/modelFiles.js";
import type { Networks } from "./networks.js";
import type { ModelDefaults } from "./runSettings.js";

const DEFAULT_GUIDANCE = 7.5;
const DEFAULT_SAMPLE_SIZE = 64;

/** What a model's folder says about how it wants to be run. */
export function modelDefaults(
	files: ModelFiles,
	networks: Networks,
	batches: boolean,
): ModelDefaults {
	const { factor } = networks.vaeConfig;
	const [height, width] = networks.unetConfig.sampleSize ?? [
		DEFAULT_SAMPLE_SIZE,
		DEFAULT_SAMPLE_SIZE,
	];
	return {
		width: width * factor,
		height: height * factor,
		guidanceScale: DEFAULT_GUIDANCE,
		scheduler: files.scheduler.config,
		factor,
		textLayers: networks.textConfig.layers,
		batches,
	};
}
