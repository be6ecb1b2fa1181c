import type {
	GenerateOptions,
	SettledOptions,
} from "../../../src/pipeline/options.js";
import {
	checkAtMost,
	checkPixelCount,
} from "../../../src/pipeline/sizeLimits.js";

/** What a page draws itself at most. */
export const LIMITS = { pixels: 512 * 512, steps: 150, images: 10 };

/** What is checked before anything is computed. @throws OptionError */
export function checkGiven({
	steps,
	numImages,
	width,
	height,
}: Partial<GenerateOptions>): void {
	for (const [name, asked, most] of [
		["steps", steps, LIMITS.steps],
		["numImages", numImages, LIMITS.images],
		["width", width, LIMITS.pixels / 8],
		["height", height, LIMITS.pixels / 8],
	] as const)
		checkAtMost(name, asked, most, "the most here");
}

/** What is checked once both sides are known, whoever said them. @throws OptionError */
export const checkPixels = (
	options: Pick<SettledOptions, "width" | "height" | "hires">,
): void => checkPixelCount(options, LIMITS.pixels, "that are drawn here");
