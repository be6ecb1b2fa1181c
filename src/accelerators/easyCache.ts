import * as z from "zod";
import type { Denoiser, DenoiserOptions } from "../propagation/denoiser.js";
import { meanDifference, meanMagnitude } from "../tensor/meanAbsolute.js";
import { type Accelerator, needsPlainPlan } from "./accelerator.js";
import { encoderPropagation } from "./encoderPropagation.js";

const schema = z.strictObject({
	kind: z.literal("easycache"),
	/** An evaluation is skipped as long as the estimated relative changes since the last one sum up to less. */
	threshold: z.number().min(0).max(100).default(0.1),
});

export const easyCache: Accelerator<z.output<typeof schema>> = {
	kind: "easycache",
	usage: "easycache[:THRESHOLD]",
	help: "EasyCache: the network is skipped while its estimated relative change stays below THRESHOLD (0.1)",
	schema,
	fields: ["threshold"],
	problem: (_, plan) => needsPlainPlan(plan),
	denoiser: easyCacheDenoiser,
};

/** Shares of the evaluations between which they may be skipped. */
const FROM = 0.15;
const UNTIL = 0.95;

/**
 * The network is skipped where its prediction is estimated to change little, and prediction − input of the last run is
 * added to the new input instead. The rule is EasyCache's (arXiv 2507.02860): with k = |v_t − v_prev| / |x_t − x_prev| measured at
 * the last run, a step changes by k |x_t − x_prev| / |v_prev|; the changes are summed up until the threshold is reached. The shares
 * of the run at which nothing is skipped are stable-diffusion.cpp's. For plans of full steps.
 */
export function easyCacheDenoiser({
	threshold,
}: {
	readonly threshold: number;
}): (options: DenoiserOptions) => Denoiser {
	return (options) => {
		const network = encoderPropagation(options);
		const count = options.sampler.timesteps.length;
		let before: { input: Float32Array; prediction: Float32Array } | undefined;
		let residual: Float32Array | undefined;
		let rate: number | undefined;
		let change = 0;
		return async function* denoise(request) {
			const { input } = request;
			const [{ index }] = request.steps;
			if (before && residual && rate !== undefined) {
				change +=
					(rate * meanDifference(input.data, before.input)) /
					meanMagnitude(before.prediction);
				const share = index / count;
				if (share >= FROM && share < UNTIL && change < threshold) {
					const kept = residual;
					const prediction = input.data.map((x, i) => x + kept[i]);
					before = { input: input.data, prediction };
					yield { dims: input.dims, data: prediction };
					return;
				}
			}
			for await (const prediction of network(request)) {
				const { data } = prediction;
				if (before) {
					const moved = meanDifference(input.data, before.input);
					rate =
						moved > 0
							? meanDifference(data, before.prediction) / moved
							: undefined;
				}
				residual = data.map((value, i) => value - input.data[i]);
				before = { input: input.data, prediction: data };
				change = 0;
				yield prediction;
			}
		};
	};
}
