import { OptionError } from "../../errors/optionError.js";
import type { SamplerContext } from "../sampler.js";

/** `steps` of the timesteps that a consistency model (LCM, TCD) was distilled on, spread evenly by index, descending. */
export function distilledTimesteps({
	name,
	steps,
	config,
}: SamplerContext): number[] {
	const original = Math.min(
		config.original_inference_steps,
		config.num_train_timesteps,
	);
	if (steps > original)
		throw new OptionError(
			"steps",
			`${steps}: ${name} takes at most ${original} steps (original_inference_steps), 4 to 8 are usual`,
		);
	const stride = Math.floor(config.num_train_timesteps / original);
	return Array.from({ length: steps }, (_, i) => {
		const skipped = Math.floor(i * (original / steps));
		return (original - skipped) * stride - 1;
	});
}
