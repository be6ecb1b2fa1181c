import type { Denoiser, DenoiserOptions } from "../propagation/denoiser.js";
import { propagatedDenoiser } from "./encoderPropagation.js";

/** When evaluations may be skipped. */
export interface ResidualReuseOptions {
	/** An evaluation is skipped as long as the estimated relative changes since the last one sum up to less. */
	readonly threshold: number;
	/** Shares of the evaluations between which they may be skipped. */
	readonly from?: number;
	readonly until?: number;
}

/**
 * The network is skipped where its prediction is estimated to change little, and prediction − input of the last run is
 * added to the new input instead. The rule is EasyCache's (arXiv 2507.02860), the defaults are those of
 * stable-diffusion.cpp's `ucache`: with k = |v_t − v_prev| / |x_t − x_prev| measured at the last run, a step changes by
 * k |x_t − x_prev| / |v_prev|; the changes are summed up until the threshold is reached. For plans of full steps.
 */
export function residualReuse({
	threshold,
	from = 0.15,
	until = 0.95,
}: ResidualReuseOptions): (options: DenoiserOptions) => Denoiser {
	return (options) => {
		const network = propagatedDenoiser(options);
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
				if (share >= from && share < until && change < threshold) {
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

function meanDifference(a: Float32Array, b: Float32Array): number {
	let sum = 0;
	for (let i = 0; i < a.length; i++) sum += Math.abs(a[i] - b[i]);
	return sum / a.length;
}

function meanMagnitude(values: Float32Array): number {
	let sum = 0;
	for (const value of values) sum += Math.abs(value);
	return sum / values.length;
}
