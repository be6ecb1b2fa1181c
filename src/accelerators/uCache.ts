import * as z from "zod";
import type { Denoiser, DenoiserOptions } from "../propagation/denoiser.js";
import { guidedUnet } from "../propagation/guidedUnet.js";
import { DECODER_HALF, ENCODER_HALF } from "../propagation/statePart.js";
import { meanDifference, meanMagnitude } from "../tensor/meanAbsolute.js";
import { type Accelerator, needsPlainPlan } from "./accelerator.js";

const schema = z.strictObject({
	kind: z.literal("ucache"),
	/** An evaluation is skipped as long as the errors that are estimated since the last skip was refused sum up to less. */
	threshold: z.number().min(0).max(100).default(1),
});

export const uCache: Accelerator<z.output<typeof schema>> = {
	kind: "ucache",
	usage: "ucache[:THRESHOLD]",
	help: "stable-diffusion.cpp's ucache: the network is skipped while its estimated error stays below THRESHOLD (1)",
	schema,
	fields: ["threshold"],
	problem: (_, plan) => needsPlainPlan(plan),
	denoiser: uCacheDenoiser,
};

/** Shares of the evaluations between which they may be skipped, and between which changes are measured. */
const FROM = 0.15;
const UNTIL = 0.95;
/** What the running average of the changes is multiplied with in the scale that changes are relative to. */
const GAIN = 1.6;
/** Share of the running average that stays when the next change comes. */
const MEMORY = 0.8;
/** By how much the estimate grows with each evaluation that was skipped in a row. */
const GROWTH = 0.5;

/** The threshold by how many of all evaluations were run so far: stricter in the beginning, laxer in the end. */
const strictness = (share: number) =>
	share < 0.2 ? 0.5 : share > 0.8 ? 1.5 : 1;

/**
 * Residual reuse as stable-diffusion.cpp does it for UNets (`--cache-mode ucache`, src/runtime/ucache.hpp at its defaults): the
 * network is skipped where its prediction is estimated to change little, and prediction − input of the last run is added to the
 * new input instead. With v and x the prompt's prediction and the input of the last run and k = |Δv| / |Δx| between the last two,
 * an evaluation's error is k |x_t − x| / sqrt(|v| · 1.6 a), where a is a running average of |Δv|, times 1 + 0.5 for each
 * evaluation skipped in a row. Errors are summed up until the threshold is reached. For plans of full steps.
 */
export function uCacheDenoiser({
	threshold,
}: {
	readonly threshold: number;
}): (options: DenoiserOptions) => Denoiser {
	return (options) => {
		const unet = guidedUnet(options);
		const count = options.sampler.timesteps.length;
		const first = Math.floor(FROM * count);
		const end = Math.floor(UNTIL * count);
		/** The last run among those that are measured; `residual` is of the guided prediction. */
		let last:
			| { input: Float32Array; output: Float32Array; residual: Float32Array }
			| undefined;
		let rate: number | undefined;
		let average = 0;
		let error = 0;
		let runs = 0;
		let skipped = 0;
		return async function* denoise({ steps: [{ index }], input }) {
			const measured = index >= first && index < end;
			const moved =
				measured && last ? meanDifference(input.data, last.input) : 0;
			if (last && rate !== undefined && moved > 0) {
				const scale = Math.sqrt(meanMagnitude(last.output) * GAIN * average);
				error += ((rate * moved) / scale) * (1 + GROWTH * skipped);
				if (error < threshold * strictness(runs / count)) {
					skipped++;
					const { residual } = last;
					yield {
						dims: input.dims,
						data: input.data.map((x, i) => x + residual[i]),
					};
					return;
				}
				error = 0;
			}
			const features = await unet.run(ENCODER_HALF, [index], input);
			const { prediction } = await unet.run(
				DECODER_HALF,
				[index],
				input,
				features,
			);
			const guided = unet.guided(prediction);
			if (measured) {
				// the prompt's half stands behind the unconditional one
				const output = prediction.data.subarray(-input.data.length);
				const change = last ? meanDifference(output, last.output) : 0;
				if (change > 0) {
					average =
						average > 0 ? MEMORY * average + (1 - MEMORY) * change : change;
					if (moved > 0) rate = change / moved;
				}
				last = {
					input: input.data,
					output,
					residual: guided.data.map((value, i) => value - input.data[i]),
				};
				runs++;
				skipped = 0;
			}
			yield guided;
		};
	};
}
