import type { Sampler } from "../../samplers/sampler.js";

/**
 * How much of a change of each prediction ends up in the final latents, when no later prediction changes: the sampler is
 * linear in the predictions, so its answer to a unit impulse at each evaluation says it exactly. What the network makes of
 * the changed latents is not in it (see `measureGains`).
 * @returns one signed factor an evaluation
 */
export function samplerSensitivity(sampler: Sampler): Float64Array {
	const zero = Float32Array.of(0);
	const noise = () => zero;
	return Float64Array.from(sampler.timesteps, (_, impulse) => {
		let latents: Float32Array = zero;
		let state = sampler.start();
		for (let index = 0; index < sampler.timesteps.length; index++)
			({ state, latents } = sampler.step(state, {
				index,
				prediction: Float32Array.of(index === impulse ? 1 : 0),
				latents,
				noise,
			}));
		return latents[0];
	});
}
