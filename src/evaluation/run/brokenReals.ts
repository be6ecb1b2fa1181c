import { UserError } from "../../errors/userError.js";

/** The share of broken or missing real images above which a set is refused, where nobody says another. */
export const BROKEN_LIMIT = 0.01;

/** @throws UserError when more than a share of the real images cannot be used */
export function checkBroken(
	broken: number,
	total: number,
	label: string,
	limit = BROKEN_LIMIT,
): void {
	if (broken > limit * total)
		throw new UserError(
			`${label}: ${broken} of ${total} real images cannot be used, more than the ${Number((100 * limit).toPrecision(6))} % allowed; raise the limit, or repair them and take a new folder`,
		);
}
