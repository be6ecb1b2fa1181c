import * as z from "zod";
import type { Denoiser, DenoiserOptions } from "../propagation/denoiser.js";
import type { Accelerator } from "./accelerator.js";
import { encoderPropagation } from "./encoderPropagation.js";

const schema = z.strictObject({
	kind: z.literal("cfg-cutoff"),
	/** The share of the evaluations that are guided. */
	from: z.number().min(0).max(1).default(0.5),
});

export const guidanceCutoff: Accelerator<z.output<typeof schema>> = {
	kind: "cfg-cutoff",
	usage: "cfg-cutoff[:SHARE]",
	help: "guidance for the first SHARE of the evaluations (0.5), then the prompt's half of the network alone",
	schema,
	fields: ["from"],
	problem: (_, { states }) =>
		states.every(({ run }) => run === "full" || run === "decoder")
			? undefined
			: "it goes with plans of full and decoder steps only",
	denoiser: guidanceCutoffDenoiser,
};

/**
 * Classifier-free guidance up to a share of the evaluations, then the prompt's prediction alone, at half the cost: the part
 * of T-GATE (arXiv 2404.02747) that drops the unconditional half after the gate, without its cached cross-attention. With
 * key steps the cut waits for the next one, since the halves keep features of their own.
 * For plans whose segments begin with a full step.
 */
export function guidanceCutoffDenoiser({
	from,
}: {
	readonly from: number;
}): (options: DenoiserOptions) => Denoiser {
	return (options) => {
		const gate = Math.ceil(from * options.sampler.timesteps.length);
		const guided = encoderPropagation(options);
		const { positive } = options.conditioning;
		const alone = encoderPropagation({
			...options,
			conditioning: { positive, guidanceScale: 1 },
		});
		return (request) =>
			request.steps[0].index >= gate ? alone(request) : guided(request);
	};
}
