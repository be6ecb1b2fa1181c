import { OptionError } from "../errors/optionError.js";
import type { SettledOptions } from "./options.js";

/**
 * Refuses a number that is over what somebody draws.
 * @param whose "the most that this server takes"
 * @throws OptionError
 */
export function checkAtMost(
	option: string,
	value: unknown,
	most: number,
	whose: string,
): void {
	if (typeof value === "number" && value > most)
		throw new OptionError(option, `${value} is over ${most}, ${whose}`);
}

/**
 * Refuses a picture of more pixels than somebody draws, hires counted in.
 * @param whose "that this server draws"
 * @throws OptionError
 */
export function checkPixelCount(
	{
		width,
		height,
		hires = 1,
	}: Pick<SettledOptions, "width" | "height" | "hires">,
	most: number,
	whose: string,
): void {
	if (width * height * hires ** 2 > most)
		throw new OptionError(
			hires > 1 ? "hires" : "width",
			`${width} x ${height}${hires > 1 ? ` enlarged ${hires} times` : ""} is over the ${most} pixels ${whose}`,
		);
}
