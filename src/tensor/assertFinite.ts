import { UserError } from "../errors/userError.js";
import type { Tensor } from "./tensor.js";

/** The index of the first NaN or infinity in `values`, or −1. */
export function notFiniteAt(values: Float32Array): number {
	// one multiplication a value: 0 · x is 0 for every finite x and NaN otherwise
	let sum = 0;
	for (let i = 0; i < values.length; i++) sum += 0 * values[i];
	return sum === 0 ? -1 : values.findIndex((value) => !Number.isFinite(value));
}

/**
 * Checks that every value is a finite number.
 * @param name of the tensor, with where it came from: "the UNet's prediction at step 3 of 20"
 * @param hint what to do about it, at the end of the message
 * @throws UserError with the code "not_finite" that says what was found, and where in the tensor
 */
export function assertFinite(
	name: string,
	{ data, dims }: Tensor,
	hint = "",
): void {
	const found = notFinitePlace({ data, dims });
	if (found)
		throw new UserError(`${name}: ${found}${hint && `; ${hint}`}`, {
			code: "not_finite",
		});
}

/** The first number that is not finite, and where in the tensor it is: "NaN at [0, 3] of [1, 4]". */
export function notFinitePlace({ data, dims }: Tensor): string | undefined {
	const at = notFiniteAt(data);
	if (at < 0) return undefined;
	let rest = at;
	const place = dims
		.toReversed()
		.map((size) => {
			const index = rest % size;
			rest = Math.floor(rest / size);
			return index;
		})
		.reverse();
	return `${data[at]} at [${place.join(", ")}] of [${dims.join(", ")}]`;
}
