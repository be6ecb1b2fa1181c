import { OptionError } from "../../../src/errors/optionError.js";
import type {
	GenerateOptions,
	SettledOptions,
} from "../../../src/pipeline/options.js";

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
		if (typeof asked === "number" && asked > most)
			throw new OptionError(name, `${asked} is over ${most}, the most here`);
}

/** What is checked once both sides are known, whoever said them. @throws OptionError */
export function checkPixels({
	width,
	height,
	hires = 1,
}: Pick<SettledOptions, "width" | "height" | "hires">): void {
	if (width * height * hires ** 2 > LIMITS.pixels)
		throw new OptionError(
			hires > 1 ? "hires" : "width",
			`${width} x ${height}${hires > 1 ? ` enlarged ${hires} times` : ""} is over the ${LIMITS.pixels} pixels that are drawn here`,
		);
}
