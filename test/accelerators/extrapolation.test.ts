import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encoderPropagation } from "../../src/accelerators/encoderPropagation.js";
import type { UnetPart } from "../../src/models/unetPart.js";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import type { Pipeline } from "../../src/pipeline/pipeline.js";
import {
	extrapolate,
	extrapolationAxis,
	keepNewest,
	lagrangeWeights,
	type Sample,
} from "../../src/propagation/extrapolate.js";
import { parseKeySteps } from "../../src/propagation/planStates.js";
import { createSampler } from "../../src/samplers/createSampler.js";
import { relativeError } from "../../src/tensor/relativeError.js";
import { calibrationPrompts } from "../../src/tuning/runs/calibrationPrompt.js";

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

describe("lagrangeWeights", () => {
	it("gives a polynomial's own value, and weights that add up to 1", () => {
		const points = [900, 640, 300];
		const cubic = (t: number) => 2 + t / 100 - (t / 400) ** 2;
		const weights = lagrangeWeights(points, 120);
		expect(sum(weights)).toBeCloseTo(1, 12);
		expect(sum(weights.map((w, i) => w * cubic(points[i])))).toBeCloseTo(
			cubic(120),
			10,
		);
	});

	it("counts one sample at a point, the newest", () => {
		expect(lagrangeWeights([700, 700], 500)).toEqual([0, 1]);
		expect(lagrangeWeights([900, 700, 700], 500)).toEqual([-1, 0, 2]);
	});
});

describe("keepNewest", () => {
	it("replaces the sample at the same point and drops the oldest", () => {
		const kept: Sample[] = [];
		for (const [n, at] of [900, 800, 800, 700, 700].entries())
			keepNewest(kept, { at, data: Float32Array.of(n) }, 2);
		expect(kept.map(({ at, data }) => [at, data[0]])).toEqual([
			[800, 2],
			[700, 4],
		]);
	});
});

describe("extrapolationAxis", () => {
	it("is finite where the terminal signal-to-noise ratio is zero", () => {
		const sampler = createSampler({
			name: "ddim",
			steps: 10,
			overrides: {
				rescale_betas_zero_snr: true,
				prediction_type: "v_prediction",
				timestep_spacing: "trailing",
			},
		});
		expect(sampler.sigmas[0]).toBe(Number.POSITIVE_INFINITY);
		const axis = extrapolationAxis(sampler, "log-snr");
		expect(axis.every(Number.isFinite)).toBe(true);
		expect(axis).toEqual(axis.toSorted((a, b) => a - b));
	});
});

describe("plans that extrapolate under samplers that come to a timestep twice", () => {
	let pipeline: Pipeline;
	beforeAll(async () => {
		pipeline = await loadPipeline(
			join(import.meta.dirname, "..", "models", "tiny-sd"),
			{ threads: 1, optimization: "extended" },
		);
	});
	afterAll(() => pipeline.release());

	/** A run's predictions, and what its encoder half gave and its decoder half was given, in order. */
	async function observed(sampler: string, words: string) {
		const settings = pipeline.settings({
			prompt: "",
			sampler,
			steps: 10,
			seed: 5n,
			keySteps: "all",
		});
		const [prompt] = await calibrationPrompts(pipeline, settings, [
			"a red apple",
		]);
		const plan = parseKeySteps(words, settings.sampler.timesteps.length);
		const mids: { encoded: Float32Array[]; decoded: Float32Array[] } = {
			encoded: [],
			decoded: [],
		};
		const predictions: Float32Array[] = [];
		const parts: UnetPart[] = [];
		for await (const step of pipeline.denoise({
			sampler: settings.sampler,
			plan,
			denoiser: (options) =>
				encoderPropagation({
					...options,
					unet: {
						...options.unet,
						async run(part, inputs, at) {
							parts.push(part);
							const outputs = await options.unet.run(part, inputs, at);
							if (outputs.mid) mids.encoded.push(outputs.mid.data);
							if (inputs.mid) mids.decoded.push(inputs.mid.data);
							return outputs;
						},
					},
				}),
			conditioning: prompt.conditioning,
			initialNoise: prompt.initialNoise,
			noise: prompt.noise(),
		}))
			predictions.push(step.prediction.data);
		const axis = extrapolationAxis(settings.sampler, "timestep");
		return { predictions, parts, ...mids, axis };
	}

	it.each(["heun", "pndm"])(
		"%s: features go by one sample a timestep",
		async (name) => {
			for (const order of [1, 2]) {
				const { encoded, decoded, axis } = await observed(
					name,
					`0,1,2,5@${order}`,
				);
				expect(axis[1]).toBe(axis[2]);
				const line = [
					{ at: axis[0], data: encoded[0] },
					{ at: axis[2], data: encoded[2] },
				];
				const expected = extrapolate(line, axis[3], 1);
				expect(relativeError(decoded[3], expected)).toBeLessThan(1e-6);
			}
		},
	);

	it("a plan that reuses predictions alone runs the UNet as one, and draws as its halves do", async () => {
		const whole = await observed(
			"ddim",
			Array.from({ length: 10 }, (_, i) =>
				i % 2 ? "nothing:1" : "full",
			).join(),
		);
		expect(whole.parts).toEqual(
			Array.from({ length: 5 }, () => ({ encoder: "full", decoder: "full" })),
		);
		// a last step that decodes alone makes halves of all before it
		const halves = await observed(
			"ddim",
			Array.from({ length: 10 }, (_, i) =>
				i === 9 ? "decoder" : i % 2 ? "nothing:1" : "full",
			).join(),
		);
		expect(halves.parts).toHaveLength(11);
		for (const [n, prediction] of whole.predictions.slice(0, 9).entries())
			expect(relativeError(prediction, halves.predictions[n])).toBeLessThan(
				1e-5,
			);
	});

	it("heun: a step without a network goes by one sample a timestep", async () => {
		const words = Array.from({ length: 19 }, (_, i) =>
			i < 3 ? "full" : "nothing:1",
		);
		const { predictions, axis } = await observed("heun", words.join());
		const line = [
			{ at: axis[0], data: predictions[0] },
			{ at: axis[2], data: predictions[2] },
		];
		const expected = extrapolate(line, axis[3], 1);
		expect(relativeError(predictions[3], expected)).toBeLessThan(1e-6);
	});
});
