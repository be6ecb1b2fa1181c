import type { Denoiser, DenoiserOptions } from "../propagation/denoiser.js";
import {
	extrapolate,
	extrapolationAxis,
	keepNewest,
	type Sample,
} from "../propagation/extrapolate.js";
import { type Features, guidedUnet } from "../propagation/guidedUnet.js";
import type { KeyStepPlan } from "../propagation/keyStepPlan.js";
import type { PlannedStep } from "../propagation/segments.js";
import {
	DECODER_HALF,
	ENCODER_HALF,
	outerPart,
	WHOLE_UNET,
} from "../propagation/statePart.js";
import { type StepState, seesLatents } from "../propagation/stepState.js";
import { originalAt, predictionAt } from "../samplers/originalAt.js";
import { concat, rows, type Tensor } from "../tensor/tensor.js";

/** Encoder features as they were at one key step. */
interface KeptFeatures {
	readonly at: number;
	readonly features: Features;
}

/**
 * The depths at which deep features will be asked for after the full or decoder step at `index`, until the next full step.
 */
function deepOutputs(plan: KeyStepPlan, index: number): number[] {
	const depths = new Set<number>();
	for (const state of plan.states.slice(index + 1)) {
		if (state.run === "full") break;
		if (state.run === "outer") depths.add(state.layers);
	}
	return [...depths].sort((a, b) => a - b);
}

/**
 * Encoder propagation (Faster Diffusion, section 3.2) as a denoiser, with the further states of `StepState`.
 * At a key step both halves of the UNet run and the encoder features (skip features and mid block) are kept; at a
 * `decoder` step the decoder half alone runs on them with its own time embedding. Decoder steps of one segment are
 * independent of each other, so up to `maxDecodeBatch` of them run in one batch, with the same result.
 * Keeps features between calls: make a new one for each run.
 */
export function encoderPropagation(options: DenoiserOptions): Denoiser {
	const { sampler, plan } = options;
	const { order, over } = plan.extrapolation;
	const unet = guidedUnet(options);
	/** No features are ever reused, at most predictions: the halves need not hand them over, and run as one. */
	const whole = plan.states.every(
		({ run }) => run === "full" || run === "nothing",
	);
	const axis = extrapolationAxis(sampler, over);

	const kept: KeptFeatures[] = [];
	const predictions: Sample[] = [];
	/** Predictions of steps that saw their latents, with the network's input. */
	const seen: (Sample & { index: number; input: Float32Array })[] = [];
	let deep: Record<string, Tensor> = {};

	async function encode(index: number, input: Tensor): Promise<void> {
		const features = await unet.run(ENCODER_HALF, [index], input);
		keepNewest(kept, { at: axis[index], features }, order + 1);
	}

	/** Encoder features for a later step: repeated, or extrapolated feature by feature. */
	function featuresAt(index: number): Features {
		const newest = kept[kept.length - 1];
		if (order === 0 || kept.length === 1 || newest.at === axis[index])
			return newest.features;
		return Object.fromEntries(
			Object.entries(newest.features).map(([name, { dims }]) => [
				name,
				{
					dims,
					data: extrapolate(
						kept.map((key) => ({ at: key.at, data: key.features[name].data })),
						axis[index],
						order,
					),
				},
			]),
		);
	}

	async function decode(
		indices: readonly number[],
		input: Tensor,
	): Promise<Tensor[]> {
		const depths = deepOutputs(plan, indices[indices.length - 1]);
		const features: Record<string, Tensor> = {};
		const each = indices.map(featuresAt);
		for (const name of Object.keys(each[0]))
			features[name] =
				each.length === 1
					? each[0][name]
					: concat(each.map((own) => own[name]));
		const { prediction, ...rest } = await unet.run(
			{
				...DECODER_HALF,
				...(depths.length > 0 ? { deepOutputs: depths } : {}),
			},
			indices,
			input,
			features,
		);
		const { samples } = unet;
		const last = (indices.length - 1) * samples;
		deep = Object.fromEntries(
			Object.entries(rest).map(([name, value]) => [
				name,
				rows(value, last, last + samples),
			]),
		);
		return indices.map((_, n) =>
			rows(prediction, n * samples, (n + 1) * samples),
		);
	}

	async function runWhole(index: number, input: Tensor): Promise<Tensor> {
		const { prediction } = await unet.run(WHOLE_UNET, [index], input);
		return prediction;
	}

	async function decodeOuter(
		index: number,
		state: StepState & { run: "outer" },
		input: Tensor,
	): Promise<Tensor> {
		const { prediction } = await unet.run(outerPart(state), [index], input, {
			...(state.encoder === "kept" ? featuresAt(index) : {}),
			deep: deep[`deep_${state.layers}`],
		});
		return prediction;
	}

	function finish(
		{ index, state }: PlannedStep,
		prediction: Tensor,
		input: Tensor,
	): Tensor {
		const result = unet.guided(prediction);
		const sample = { at: axis[index], data: result.data };
		keepNewest(predictions, sample, 3);
		if (seesLatents(state))
			keepNewest(seen, { ...sample, index, input: input.data }, 3);
		return result;
	}

	/** The prediction of a step that runs no network. */
	function withoutNetwork(
		index: number,
		{ order, of }: StepState & { run: "nothing" },
		{ dims, data: input }: Tensor,
	): Tensor {
		const at = axis[index];
		if (of !== "denoised")
			return { dims, data: extrapolate(predictions, at, order) };
		const originals = seen.slice(-(order + 1)).map((step) => ({
			at: step.at,
			data: originalAt(sampler, step.index, step.data, step.input),
		}));
		const original = extrapolate(originals, at, order);
		return { dims, data: predictionAt(sampler, index, original, input) };
	}

	return async function* denoise({ steps, input }) {
		for (let n = 0; n < steps.length; ) {
			const { index, state } = steps[n];
			if (whole && state.run === "full") {
				yield finish(steps[n], await runWhole(index, input), input);
				n++;
				continue;
			}
			switch (state.run) {
				case "full":
				case "decoder": {
					if (state.run === "full") await encode(index, input);
					// the steps behind this one that only decode go into the same batch
					const batch = [index];
					while (
						batch.length < options.maxDecodeBatch &&
						steps[n + batch.length]?.state.run === "decoder"
					)
						batch.push(steps[n + batch.length].index);
					const decoded = await decode(batch, input);
					for (const [i, own] of decoded.entries())
						yield finish(steps[n + i], own, input);
					n += batch.length;
					break;
				}
				case "outer":
					yield finish(steps[n], await decodeOuter(index, state, input), input);
					n++;
					break;
				case "nothing":
					yield withoutNetwork(index, state, input);
					n++;
					break;
			}
		}
	};
}
