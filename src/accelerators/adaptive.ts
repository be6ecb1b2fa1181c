import * as z from "zod";
import type { Denoiser, DenoiserOptions } from "../propagation/denoiser.js";
import {
	extrapolate,
	extrapolationAxis,
	keepNewest,
	type Sample,
} from "../propagation/extrapolate.js";
import { type Features, guidedUnet } from "../propagation/guidedUnet.js";
import { DECODER_HALF, ENCODER_HALF } from "../propagation/statePart.js";
import { relativeError } from "../tensor/relativeError.js";
import type { Tensor } from "../tensor/tensor.js";
import { type Accelerator, needsPlainPlan } from "./accelerator.js";

const schema = z.strictObject({
	kind: z.literal("adaptive"),
	threshold: z.number().gt(0).max(100),
});

export const adaptive: Accelerator<z.output<typeof schema>> = {
	kind: "adaptive",
	usage: "adaptive:THRESHOLD",
	help: "the whole network runs again once the estimated relative error of reuse exceeds THRESHOLD (try 0.1 to 0.3)",
	schema,
	fields: ["threshold"],
	problem: (_, plan) => needsPlainPlan(plan),
	denoiser: adaptiveDenoiser,
};

export interface AdaptiveOptions {
	/** Predictions are reused as long as their estimated relative error stays below this. */
	readonly threshold: number;
	/** What other steps do: predictions extrapolated without any network (default), or the decoder half on kept features. */
	readonly between?: "nothing" | "decoder";
	/** The most steps between two key steps. Default 6. */
	readonly longest?: number;
	/** Told at each evaluation whether the whole network runs. */
	readonly onDecision?: (index: number, key: boolean) => void;
}

/**
 * A denoiser that decides during the run when the next key step is due, as an integrator with step size control does.
 * At each key step the prediction is compared with what reuse would have given in its place: the line through the two key
 * steps before (`between` "nothing"), or the key step before unchanged ("decoder"). That error, scaled by the distance on
 * the log-SNR axis (squared for the line), predicts the error of reuse at later steps; once it exceeds `threshold` the whole network
 * runs again. The first evaluations are key steps (three, or two with
 * "decoder"). The signal costs nothing but a few vector operations.
 *
 * For plans of full steps, which hand it the latents of each step.
 */
export function adaptiveDenoiser(
	settings: AdaptiveOptions,
): (options: DenoiserOptions) => Denoiser {
	const { threshold, between = "nothing", longest = 6 } = settings;
	return (options) => {
		const axis = extrapolationAxis(options.sampler, "log-snr");
		const unet = guidedUnet(options);
		const order = between === "nothing" ? 1 : 0;
		const keys: Sample[] = [];
		let features: Features = {};
		let lastKey = -1;
		/** Relative error of reuse over a unit of distance. */
		let rate = Number.POSITIVE_INFINITY;

		async function decode(index: number, input: Tensor): Promise<Tensor> {
			const { prediction } = await unet.run(
				DECODER_HALF,
				[index],
				input,
				features,
			);
			return unet.guided(prediction);
		}

		function due(index: number): boolean {
			if (keys.length < order + 2) return true;
			if (index - lastKey > longest) return true;
			const distance = Math.abs(axis[index] - axis[lastKey]);
			return !(rate * distance ** (order + 1) <= threshold);
		}

		async function keyStep(index: number, input: Tensor): Promise<Tensor> {
			features = await unet.run(ENCODER_HALF, [index], input);
			const prediction = await decode(index, input);
			const distance = Math.abs(axis[index] - axis[lastKey]);
			// the second evaluation of a timestep says nothing of how fast predictions change
			if (keys.length > order && distance > 0) {
				const reused = extrapolate(keys, axis[index], order);
				rate = relativeError(reused, prediction.data) / distance ** (order + 1);
			}
			keepNewest(keys, { at: axis[index], data: prediction.data }, order + 2);
			lastKey = index;
			return prediction;
		}

		return async function* denoise({ steps, input }) {
			for (const { index } of steps) {
				const key = due(index);
				settings.onDecision?.(index, key);
				if (key) yield await keyStep(index, input);
				else if (between === "decoder") yield await decode(index, input);
				else
					yield {
						dims: input.dims,
						data: extrapolate(keys, axis[index], order),
					};
			}
		};
	};
}
