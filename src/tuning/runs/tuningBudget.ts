import { OptionError } from "../../errors/optionError.js";

/** What a plan may cost: so many times less than the plain run, seconds in the UNet, or floating-point operations. */
export type TuningBudget =
	| { readonly kind: "speedup"; readonly times: number }
	| { readonly kind: "seconds"; readonly seconds: number }
	| { readonly kind: "flops"; readonly flops: number };

/**
 * Reads `1.5x`, `0.6s` or `2TFLOP` (also GFLOP).
 * @throws UserError (exit code 2) when `words` is none of them
 */
export function parseTuningBudget(words: string): TuningBudget {
	const match = /^(\d{1,6}(?:\.\d{1,6})?)\s*(x|s|[GT]FLOPs?)$/i.exec(
		words.trim(),
	);
	const amount = Number(match?.[1]);
	if (!match || !(amount > 0))
		throw new OptionError(
			"budget",
			`"${words.slice(0, 40)}" is no budget; use 1.5x (times faster than plain), 0.6s or 2TFLOP`,
		);
	const unit = match[2].toLowerCase();
	if (unit === "x") {
		if (amount < 1)
			throw new OptionError(
				"budget",
				`${amount}x is slower than the plain run; use 1x or more`,
			);
		return { kind: "speedup", times: amount };
	}
	if (unit === "s") return { kind: "seconds", seconds: amount };
	return { kind: "flops", flops: amount * (unit[0] === "t" ? 1e12 : 1e9) };
}
