import fc from "fast-check";
import { expect, it } from "vitest";
import { UserError } from "../../src/errors/userError.js";
import { SIGMA_SCHEDULES } from "../../src/samplers/config/samplerConfig.js";
import {
	createSampler,
	type SamplerOptions,
} from "../../src/samplers/createSampler.js";
import { SAMPLER_NAMES } from "../../src/samplers/sampler.js";

const from = (min: number, max: number) => fc.double({ min, max, noNaN: true });
/** Values that are right by themselves: what they make together is for createSampler to judge. */
const VALUES: Record<string, fc.Arbitrary<unknown>> = {
	num_train_timesteps: fc.integer({ min: 2, max: 3000 }),
	beta_start: from(1e-6, 0.9),
	beta_end: from(1e-6, 0.99),
	beta_schedule: fc.constantFrom(
		"linear",
		"scaled_linear",
		"squaredcos_cap_v2",
	),
	prediction_type: fc.constantFrom("epsilon", "v_prediction", "sample"),
	timestep_spacing: fc.constantFrom("leading", "trailing", "linspace"),
	steps_offset: fc.integer({ min: 0, max: 1000 }),
	rescale_betas_zero_snr: fc.boolean(),
	set_alpha_to_one: fc.boolean(),
	clip_sample: fc.boolean(),
	clip_sample_range: from(1e-3, 10),
	thresholding: fc.boolean(),
	sample_max_value: from(1, 9),
	variance_type: fc.constantFrom("fixed_small", "fixed_large", "learned_range"),
	solver_order: fc.integer({ min: 1, max: 3 }),
	solver_type: fc.constantFrom("midpoint", "heun", "bh1", "bh2", "logrho"),
	lower_order_final: fc.boolean(),
	euler_at_final: fc.boolean(),
	final_sigmas_type: fc.constantFrom("zero", "sigma_min"),
	lambda_min_clipped: fc.constantFrom(-Infinity, -5.1, 0, 3, 1e5),
	use_karras_sigmas: fc.boolean(),
	use_exponential_sigmas: fc.boolean(),
	use_ays_sigmas: fc.boolean(),
	sigma_min: from(1e-6, 10),
	sigma_max: from(1e-3, 1e5),
	interpolation_type: fc.constantFrom("linear", "log_linear"),
	timestep_type: fc.constantFrom("discrete", "continuous"),
	predict_x0: fc.boolean(),
	disable_corrector: fc.array(fc.integer({ min: 0, max: 20 })),
	skip_prk_steps: fc.boolean(),
	original_inference_steps: fc.integer({ min: 1, max: 1000 }),
	timestep_scaling: from(1e-3, 100),
};
const settings = fc
	.uniqueArray(fc.constantFrom(...Object.keys(VALUES)), { maxLength: 6 })
	.chain((keys) =>
		fc.record(Object.fromEntries(keys.map((key) => [key, VALUES[key]]))),
	);
const times = fc
	.array(from(0, 999), { minLength: 1, maxLength: 12 })
	.map((values) => [...new Set(values)].sort((a, b) => b - a));

/** Whether runs of two numbers stay finite, wherever they begin. */
function runsFinite(options: SamplerOptions, learned: boolean): boolean {
	const sampler = createSampler(options);
	const { timesteps, evaluationsPerStep } = sampler;
	const prediction = learned
		? Float32Array.of(0.1, 0.2, 0.3, 0.4)
		: Float32Array.of(0.1, 0.2);
	const noise = () => Float32Array.of(1, 2);
	for (
		let start = 0;
		start < timesteps.length;
		start += 3 * evaluationsPerStep
	) {
		let latents = sampler.noised(Float32Array.of(1, -0.5), noise(), start);
		let state = sampler.start();
		for (let index = start; index < timesteps.length; index++)
			({ state, latents } = sampler.step(state, {
				index,
				prediction,
				latents,
				noise,
			}));
		if (!latents.every(Number.isFinite)) return false;
	}
	return timesteps.every(Number.isFinite);
}

it("draws finite latents from any start, or refuses in words, whatever is combined", () => {
	fc.assert(
		fc.property(
			settings,
			fc.constantFrom(...SAMPLER_NAMES),
			fc.oneof(
				fc.record({
					steps: fc.integer({ min: 1, max: 60 }),
					schedule: fc.constantFrom(...SIGMA_SCHEDULES),
				}),
				fc.record({ times }),
			),
			fc.boolean(),
			(keys, name, where, byFile) => {
				const options: SamplerOptions = {
					name,
					...where,
					...(byFile ? { config: keys } : { overrides: keys as object }),
				};
				const learned =
					name === "ddpm" && keys.variance_type === "learned_range";
				try {
					expect(runsFinite(options, learned)).toBe(true);
				} catch (error) {
					if (!(error instanceof UserError)) throw error;
					expect(error.message).not.toContain("\n");
				}
			},
		),
		{ numRuns: 2000, seed: 1 },
	);
});
