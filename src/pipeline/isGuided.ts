import type { UnetConfig } from "../models/unetConfig.js";

/** Whether the UNet runs twice a step, for the negative prompt too: not where guidance was distilled into it. */
export const isGuided = (
	guidanceScale: number,
	unet: Pick<UnetConfig, "guidanceFeatures">,
): boolean => guidanceScale > 1 && !unet.guidanceFeatures;
