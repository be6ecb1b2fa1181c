import { expect, test } from "vitest";
import { uCacheDenoiser } from "../../src/accelerators/uCache.js";
import { plainPlan } from "../../src/propagation/keyStepPlan.js";
import { FULL } from "../../src/propagation/stepState.js";
import type { UnetRunner } from "../../src/propagation/unetRunner.js";
import { createSampler } from "../../src/samplers/createSampler.js";
import type { Tensor } from "../../src/tensor/tensor.js";

const scalar = (...values: number[]): Tensor => ({
	dims: [values.length, 1, 1, 1],
	data: Float32Array.from(values),
});

/** Which of 20 evaluations run where the input is i and the prompt's prediction 10 + i, and what comes out. */
async function run(
	threshold: number,
): Promise<{ ran: number[]; predictions: number[] }> {
	const ran: number[] = [];
	const unet: UnetRunner = {
		skipCount: 1,
		async run(part, _, { indices: [index] }) {
			const nothing: Record<string, Tensor> = {};
			if (part.decoder === "none") return nothing;
			ran.push(index);
			// the unconditional half jumps about: it must not count
			return {
				prediction: scalar(index % 2 === 0 ? 100 : -100, 10 + index),
			};
		},
		flops: () => 0,
	};
	const sampler = createSampler({ name: "ddim", steps: 20 });
	const text = { encoder_hidden_states: scalar(0) };
	const denoiser = uCacheDenoiser({ threshold })({
		unet,
		sampler,
		plan: plainPlan(20),
		conditioning: { positive: text, negative: text, guidanceScale: 1 },
		maxDecodeBatch: 1,
	});
	const predictions: number[] = [];
	for (let index = 0; index < 20; index++) {
		// as the loop does: it asks for no more than it needs
		const { value } = await denoiser({
			steps: [{ index, state: FULL }],
			input: scalar(index),
		}).next();
		predictions.push(value.data[0]);
	}
	return { ran, predictions };
}

test("ucache skips by stable-diffusion.cpp's rule, worked out by hand", async () => {
	// at evaluation 5, say, 1 / sqrt(14 · 1.6 · 1) = 0.211 is below half the threshold; at 6 another 1.5 · 2 / 4.73 is not
	const { ran, predictions } = await run(1);
	expect(ran).toEqual([0, 1, 2, 3, 4, 6, 8, 11, 14, 17, 19]);
	// the residual of the last run is added to the input
	expect(predictions[5]).toBe(5 + (14 - 4));
	expect((await run(0)).ran).toHaveLength(20);
	expect((await run(100)).ran).toEqual([0, 1, 2, 3, 4, 15, 19]);
});
