import type { UnetRunner } from "../../propagation/unetRunner.js";
import type { Sampler } from "../../samplers/sampler.js";
import {
	newStudent,
	type PromptBatch,
	predicted,
	type Student,
	stepped,
} from "./students.js";

/** Makes the sampler of the run on a grid of training timesteps. */
export type SamplerOn = (times: readonly number[]) => Sampler;

/** The run that plans are to come near to: its latents at any time, and in the end. */
export interface Teacher {
	readonly final: Float32Array;
	/**
	 * Latents where a step would begin at this timestep. Between two of the run's own, the solver's own step from the one before
	 * leads there: no network runs.
	 */
	latentsAt(time: number): Float32Array;
}

/** Runs a batch plainly, keeping what `latentsAt` needs. */
export async function teach(
	batch: PromptBatch,
	plain: Sampler,
	samplerOn: SamplerOn,
	unet: UnetRunner,
	signal?: AbortSignal,
): Promise<Teacher> {
	const { timesteps } = plain;
	const [images] = batch.initialNoise.dims;
	const steps: { student: Student; prediction: Float32Array }[] = [];
	let student = newStudent(batch, plain);
	for (const index of timesteps.keys()) {
		const prediction = await predicted(
			student,
			batch,
			plain,
			index,
			unet,
			signal,
		);
		steps.push({ student, prediction });
		student = stepped(student, plain, index, prediction, true, images);
	}
	const known = new Map<number, Float32Array>();
	const between = (time: number): Float32Array => {
		const own = timesteps.indexOf(time);
		if (own >= 0) return steps[own].student.latents;
		const before = timesteps.findLastIndex((at) => at > time);
		if (before < 0) return steps[0].student.latents;
		const sampler = samplerOn([
			...timesteps.slice(0, before + 1),
			...withMore(time),
		]);
		const { student: from, prediction } = steps[before];
		return stepped(from, sampler, before, prediction, true, images).latents;
	};
	return {
		final: student.latents,
		latentsAt(time) {
			const latents = known.get(time) ?? between(time);
			known.set(time, latents);
			return latents;
		},
	};
}

/** A time with some more behind it, so that the step that leads there is none of a run's last, which solvers take otherwise. */
export function withMore(time: number): number[] {
	return time > 0.1 ? [time, 0.75 * time, 0.5 * time, 0.25 * time] : [time];
}
