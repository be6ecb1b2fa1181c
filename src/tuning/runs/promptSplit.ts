import { OptionError } from "../../errors/optionError.js";
import { mersenneTwister } from "../../random/mersenneTwister.js";
import { shuffled } from "../../random/shuffled.js";

/** Prompts to tune on, and others to check with. */
export interface PromptSplit {
	readonly calibration: readonly string[];
	readonly heldOut: readonly string[];
}

/** What two prompts have in common that are the same to the tokenizer: it knows neither capitals nor how wide a space is. */
export const promptKey = (prompt: string) =>
	prompt.replace(/\s+/g, " ").trim().toLowerCase();

/**
 * Draws prompts for both uses, seeded and without overlap; the same text counts once, however it is capitalized.
 * @throws OptionError when there are too few different prompts
 */
export function splitPrompts(
	prompts: readonly string[],
	counts: { readonly calibration: number; readonly heldOut: number },
	seed: number,
): PromptSplit {
	const known = new Set<string>();
	const pool = prompts.filter((prompt) => {
		const key = promptKey(prompt);
		return !known.has(key) && known.add(key);
	});
	const wanted = counts.calibration + counts.heldOut;
	if (pool.length < wanted)
		throw new OptionError(
			"captions",
			`${pool.length} different prompts are too few for ${counts.calibration} to tune on and ${counts.heldOut} to check with; give more, or ask for fewer (calibration, heldOut)`,
		);
	const drawn = shuffled(pool, mersenneTwister(BigInt(seed)));
	return {
		calibration: drawn.slice(0, counts.calibration),
		heldOut: drawn.slice(counts.calibration, wanted),
	};
}
