import { type KeySteps, readKeySteps } from "../accelerators/planWords.js";
import { OptionError } from "../errors/optionError.js";

/** @throws OptionError when a quality is asked for, and a plan too */
export function checkQuality(
	{
		quality,
		keySteps,
		fromImage,
	}: {
		readonly quality?: string;
		readonly keySteps?: unknown;
		readonly fromImage?: string;
	},
	plan: KeySteps = "auto",
): void {
	if (quality === undefined) return;
	if (keySteps === undefined && fromImage !== undefined)
		throw new OptionError(
			"quality",
			"the picture brings its own plan; give --key-steps auto too, and the --steps of a plain run",
		);
	const { states, quality: other } = readKeySteps(plan);
	if (states !== "auto" || (other !== undefined && other !== quality))
		throw new OptionError(
			"quality",
			`it chooses a plan, and --key-steps ${keySteps} names one; leave one of them out`,
		);
}
