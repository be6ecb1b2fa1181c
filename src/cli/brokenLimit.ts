import { Option } from "commander";
import { OptionError } from "../errors/optionError.js";
import { BROKEN_LIMIT } from "../evaluation/run/brokenReals.js";
import { parseNumber } from "./parseFlag.js";

/** `--limit`, of the commands that write results. */
export const brokenLimitOption = () =>
	new Option(
		"--limit <share>",
		"share of broken or missing images above which a set is refused",
	)
		.argParser(parseNumber)
		.default(BROKEN_LIMIT);

/** @throws OptionError when `--limit` is no share */
export function checkBrokenLimit(limit: number): void {
	if (!(limit >= 0 && limit <= 1))
		throw new OptionError("limit", `${limit} is not between 0 and 1`);
}
