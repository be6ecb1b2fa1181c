import { encoderPropagation } from "../../accelerators/encoderPropagation.js";
import type { Conditioning } from "../../propagation/denoiser.js";
import {
	type ExtrapolationAxis,
	extrapolate,
	extrapolationAxis,
	keepNewest,
	type Sample,
} from "../../propagation/extrapolate.js";
import { plainPlan } from "../../propagation/keyStepPlan.js";
import { FULL } from "../../propagation/stepState.js";
import type { UnetRunner } from "../../propagation/unetRunner.js";
import { originalAt, predictionAt } from "../../samplers/originalAt.js";
import type { Sampler, SamplerState } from "../../samplers/sampler.js";
import { relativeError } from "../../tensor/relativeError.js";
import { concat, type Tensor } from "../../tensor/tensor.js";
import type { CalibrationPrompt } from "../runs/calibrationPrompt.js";
import type { Reuse } from "./timedPlan.js";

/** Prompts whose runs go in step, one batch of the network. */
export interface PromptBatch {
	readonly conditioning: Conditioning;
	/** z_T `[prompts, channels, height, width]`. */
	readonly initialNoise: Tensor;
}

/** A batch in the middle of a run: all that its further steps depend on. Never changed in place. */
export interface Student {
	readonly latents: Float32Array;
	readonly state: SamplerState;
	/** The network's last predictions, the newest last: what `nothing:K` extrapolates. */
	readonly predictions: readonly Sample[];
	/** The estimates of the clean latents that they stand for: what `nothing:K:denoised` extrapolates. */
	readonly originals: readonly Sample[];
}

/** What predictions are extrapolated over. */
export const AXIS: ExtrapolationAxis = "log-snr";

/** Prompts in batches of at most `size`. */
export function promptBatches(
	prompts: readonly CalibrationPrompt[],
	size: number,
): PromptBatch[] {
	const batches: PromptBatch[] = [];
	for (let n = 0; n < prompts.length; n += size) {
		const own = prompts.slice(n, n + size);
		const [first] = own;
		const joined = (half: "positive" | "negative") =>
			Object.fromEntries(
				Object.keys(first.conditioning[half] ?? {}).map((name) => [
					name,
					concat(
						own.map(({ conditioning }) => inputOf(conditioning, half, name)),
					),
				]),
			);
		batches.push({
			conditioning: {
				guidanceScale: first.conditioning.guidanceScale,
				positive: joined("positive"),
				...(first.conditioning.negative && { negative: joined("negative") }),
			},
			initialNoise: concat(own.map(({ initialNoise }) => initialNoise)),
		});
	}
	return batches;
}

function inputOf(
	conditioning: Conditioning,
	half: "positive" | "negative",
	name: string,
): Tensor {
	const tensor = conditioning[half]?.[name];
	if (!tensor) throw new RangeError(`a prompt's conditioning has no ${name}`);
	return tensor;
}

/** A batch before its first step. */
export function newStudent(batch: PromptBatch, sampler: Sampler): Student {
	return {
		latents: batch.initialNoise.data.map((z) => z * sampler.initNoiseSigma),
		state: sampler.start(),
		predictions: [],
		originals: [],
	};
}

/** What the network predicts at the step `index`. */
export async function predicted(
	student: Student,
	batch: PromptBatch,
	sampler: Sampler,
	index: number,
	unet: UnetRunner,
	signal?: AbortSignal,
): Promise<Float32Array> {
	const denoiser = encoderPropagation({
		unet,
		sampler,
		plan: plainPlan(sampler.timesteps.length),
		conditioning: batch.conditioning,
		maxDecodeBatch: 1,
		signal,
	});
	const input = {
		dims: batch.initialNoise.dims,
		data: sampler.scaleModelInput(student.latents, index),
	};
	for await (const { data } of denoiser({
		steps: [{ index, state: FULL }],
		input,
	}))
		return data;
	throw new RangeError("the network gave no prediction");
}

/** What a step that runs no network predicts: as `encoderPropagation` has it. */
export function reused(
	{ latents, predictions, originals }: Student,
	sampler: Sampler,
	index: number,
	{ order, of }: Reuse,
): Float32Array {
	const at = extrapolationAxis(sampler, AXIS)[index];
	if (of !== "denoised") return extrapolate(predictions, at, order);
	return predictionAt(
		sampler,
		index,
		extrapolate(originals, at, order),
		sampler.scaleModelInput(latents, index),
	);
}

/** The batch after the step `index`. @param seen whether the prediction is the network's own */
export function stepped(
	student: Student,
	sampler: Sampler,
	index: number,
	prediction: Float32Array,
	seen: boolean,
	images: number,
): Student {
	const at = extrapolationAxis(sampler, AXIS)[index];
	const { state, latents } = sampler.step(student.state, {
		index,
		prediction,
		latents: student.latents,
		noise: () => new Float32Array(prediction.length),
		images,
	});
	if (!seen) return { ...student, latents, state };
	const predictions = [...student.predictions];
	keepNewest(predictions, { at, data: prediction }, 3);
	const originals = [...student.originals];
	const input = sampler.scaleModelInput(student.latents, index);
	keepNewest(
		originals,
		{ at, data: originalAt(sampler, index, prediction, input) },
		3,
	);
	return { latents, state, predictions, originals };
}

/** Relative L2 errors of a batch's latents, prompt by prompt. */
export function errorsOf(
	latents: Float32Array,
	truth: Float32Array,
	{ initialNoise }: PromptBatch,
): number[] {
	const [images] = initialNoise.dims;
	const size = truth.length / images;
	return Array.from({ length: images }, (_, n) =>
		relativeError(
			latents.subarray(n * size, (n + 1) * size),
			truth.subarray(n * size, (n + 1) * size),
		),
	);
}

/** Below this an error is rounding, and its logarithm says nothing. */
const LEAST_ERROR = 1e-5;

/** Logarithms of errors: their mean does not hang on the few prompts whose pictures change. */
export const logsOf = (errors: readonly number[]) =>
	errors.map((error) => Math.log(Math.max(error, LEAST_ERROR)));
