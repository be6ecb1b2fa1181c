import type { Denoiser, DenoiserOptions } from "../propagation/denoiser.js";
import { propagatedDenoiser } from "./encoderPropagation.js";

/**
 * Classifier-free guidance up to a share of the evaluations, then the prompt's prediction alone, at half the cost: the part
 * of T-GATE (arXiv 2404.02747) that drops the unconditional half after the gate, without its cached cross-attention. With
 * key steps the cut waits for the next one, since the halves keep features of their own.
 * For plans whose segments begin with a full step.
 */
export function guidanceCutoff({
	from,
}: {
	readonly from: number;
}): (options: DenoiserOptions) => Denoiser {
	return (options) => {
		const gate = Math.ceil(from * options.sampler.timesteps.length);
		const guided = propagatedDenoiser(options);
		const { positive } = options.conditioning;
		const alone = propagatedDenoiser({
			...options,
			conditioning: { positive, guidanceScale: 1 },
		});
		return (request) =>
			request.steps[0].index >= gate ? alone(request) : guided(request);
	};
}
