import { guidedUnet } from "../../propagation/guidedUnet.js";
import { DECODER_HALF, ENCODER_HALF } from "../../propagation/stateParts.js";
import type { UnetRunner } from "../../propagation/unetRunner.js";
import type { Sampler } from "../../samplers/sampler.js";
import { relativeError } from "../../tensor/relativeError.js";
import type { CalibrationPrompt } from "../runs/calibrationPrompt.js";
import type { PlainTables } from "./plainTables.js";

export interface GainOptions {
	readonly unet: UnetRunner;
	readonly sampler: Sampler;
	readonly sensitivity: ArrayLike<number>;
	/** At how many evaluations the gain is measured; between them it is interpolated. */
	readonly probes: number;
	readonly signal?: AbortSignal;
}

/**
 * What the network makes of an error: the plain run is taken up at some evaluations with the prediction of the evaluation
 * before (a typical error of reuse), goes on plainly, and the change of its final latents is divided by what
 * `samplerSensitivity` alone would say. Above 1 the network amplifies errors made there, below 1 it corrects them.
 * @returns one factor an evaluation, interpolated between the probes on a log scale
 */
export async function measureGains(
	prompt: CalibrationPrompt,
	tables: PlainTables,
	options: GainOptions,
): Promise<Float64Array> {
	const { sampler, sensitivity, probes } = options;
	const count = sampler.timesteps.length;
	const final = tables.latents[count];
	const measured: { at: number; log: number }[] = [];
	for (let probe = 0; probe < probes; probe++) {
		const at = Math.min(
			count - 1,
			1 + Math.round((probe * (count - 2)) / Math.max(1, probes - 1)),
		);
		if (measured.some((other) => other.at === at) || at < 1) continue;
		const wrong = tables.predictions[at - 1];
		const right = tables.predictions[at];
		let expected = 0;
		for (let i = 0; i < wrong.length; i++)
			expected += (sensitivity[at] * (wrong[i] - right[i])) ** 2;
		let norm = 0;
		for (const value of final) norm += value * value;
		const reached = await plainFrom(prompt, tables, at, wrong, options);
		const gain = relativeError(reached, final) / Math.sqrt(expected / norm);
		if (gain > 0 && Number.isFinite(gain))
			measured.push({ at, log: Math.log(gain) });
	}
	return Float64Array.from({ length: count }, (_, index) => {
		if (measured.length === 0) return 1;
		const after = measured.find(({ at }) => at >= index);
		const before = measured.findLast(({ at }) => at <= index);
		if (!after || !before) return Math.exp((after ?? before)?.log ?? 0);
		if (after.at === before.at) return Math.exp(before.log);
		const share = (index - before.at) / (after.at - before.at);
		return Math.exp(before.log + share * (after.log - before.log));
	});
}

/** The plain run from evaluation `from` on, which is taken with another prediction. */
async function plainFrom(
	{ conditioning, initialNoise, noise }: CalibrationPrompt,
	tables: PlainTables,
	from: number,
	prediction: Float32Array,
	{ unet, sampler, signal }: GainOptions,
): Promise<Float32Array> {
	const network = guidedUnet({ unet, sampler, conditioning, signal });
	const { dims } = initialNoise;
	const fresh = noise();
	let taken = sampler.step(tables.states[from], {
		index: from,
		prediction,
		latents: tables.latents[from],
		noise: fresh,
	});
	for (let index = from + 1; index < sampler.timesteps.length; index++) {
		const input = {
			dims,
			data: sampler.scaleModelInput(taken.latents, index),
		};
		const features = await network.run(ENCODER_HALF, [index], input);
		const { prediction } = await network.run(
			DECODER_HALF,
			[index],
			input,
			features,
		);
		taken = sampler.step(taken.state, {
			index,
			prediction: network.guided(prediction).data,
			latents: taken.latents,
			noise: fresh,
		});
	}
	return taken.latents;
}
