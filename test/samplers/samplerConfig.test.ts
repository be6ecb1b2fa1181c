import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OptionError } from "../../src/errors/optionError.js";
import { UserError } from "../../src/errors/userError.js";
import { samplerConfig } from "../../src/samplers/config/samplerConfig.js";
import { parseSchedulerConfig } from "../../src/samplers/config/schedulerConfig.js";
import { createSampler } from "../../src/samplers/createSampler.js";
import { SAMPLER_NAMES } from "../../src/samplers/sampler.js";

const SD15 = {
	_class_name: "PNDMScheduler",
	_diffusers_version: "0.6.0",
	beta_end: 0.012,
	beta_schedule: "scaled_linear",
	beta_start: 0.00085,
	clip_sample: false,
	num_train_timesteps: 1000,
	set_alpha_to_one: false,
	skip_prk_steps: true,
	steps_offset: 1,
	trained_betas: null,
};
const SD21 = {
	...SD15,
	_class_name: "DDIMScheduler",
	prediction_type: "v_prediction",
};

describe("samplerConfig", () => {
	it("keeps the file's keys and takes absent ones from the sampler asked for", () => {
		const file = parseSchedulerConfig(SD15);
		expect(samplerConfig("ddim", { file })).toMatchObject({
			timestep_spacing: "leading",
			steps_offset: 1,
			clip_sample: false,
			set_alpha_to_one: false,
			beta_end: 0.012,
		});
		expect(samplerConfig("dpm-solver++", { file })).toMatchObject({
			timestep_spacing: "linspace",
			final_sigmas_type: "zero",
			steps_offset: 1,
		});
		expect(samplerConfig("pndm", {}).skip_prk_steps).toBe(false);
		expect(samplerConfig("ddim", {}).clip_sample).toBe(true);
		expect(
			samplerConfig("euler", { file: parseSchedulerConfig(SD21) })
				.prediction_type,
		).toBe("v_prediction");
	});

	it("runs Stable Diffusion v1.5 at the published timesteps", () => {
		const ddim = createSampler({ name: "ddim", steps: 50, config: SD15 });
		expect(ddim.timesteps[0]).toBe(981);
		expect(ddim.timesteps.at(-1)).toBe(1);
		const dpm = createSampler({
			name: "dpm-solver++",
			steps: 20,
			config: SD15,
		});
		expect(dpm.timesteps.slice(0, 3)).toEqual([999, 949, 899]);
	});

	it("drops what a class's defaults were (_use_default_values)", () => {
		const config = {
			...SD15,
			timestep_spacing: "leading",
			_use_default_values: ["timestep_spacing"],
		};
		expect(
			samplerConfig("dpm-solver++", { file: parseSchedulerConfig(config) })
				.timestep_spacing,
		).toBe("linspace");
	});

	it("ends dpm-solver on sigma_min whatever the file says, and refuses zero", () => {
		const file = parseSchedulerConfig({ ...SD15, final_sigmas_type: "zero" });
		expect(samplerConfig("dpm-solver", { file }).final_sigmas_type).toBe(
			"sigma_min",
		);
		expect(() =>
			samplerConfig("dpm-solver", {
				overrides: { final_sigmas_type: "zero" },
			}),
		).toThrow("sigma_min");
	});

	it("puts overrides and the schedule over the file", () => {
		const file = parseSchedulerConfig({ ...SD15, use_karras_sigmas: true });
		const config = samplerConfig("euler", {
			file,
			schedule: "exponential",
			overrides: { timestep_spacing: "trailing", steps_offset: undefined },
		});
		expect(config).toMatchObject({
			use_karras_sigmas: false,
			use_exponential_sigmas: true,
			timestep_spacing: "trailing",
			steps_offset: 1,
		});
	});

	it("ignores in a file what the sampler does not read", () => {
		const file = parseSchedulerConfig({
			...SD15,
			use_karras_sigmas: true,
			rescale_betas_zero_snr: true,
		});
		expect(samplerConfig("euler-a", { file }).use_karras_sigmas).toBe(false);
		expect(samplerConfig("lms", { file })).toMatchObject({
			use_karras_sigmas: true,
			rescale_betas_zero_snr: false,
		});
	});

	it("maps solver types between solvers", () => {
		const solver = (name: "unipc" | "dpm-solver++" | "deis", type: string) =>
			samplerConfig(name, {
				file: parseSchedulerConfig({ solver_type: type }),
			}).solver_type;
		expect(solver("unipc", "midpoint")).toBe("bh2");
		expect(solver("unipc", "bh1")).toBe("bh1");
		expect(solver("dpm-solver++", "bh2")).toBe("midpoint");
		expect(solver("dpm-solver++", "heun")).toBe("heun");
		expect(solver("deis", "midpoint")).toBe("logrho");
	});
});

it("passes over an algorithm that the sampler has not", () => {
	const overrides = { algorithm_type: "dpmsolver" } as const;
	expect(
		createSampler({ name: "ddim", steps: 5, overrides }).timesteps,
	).toEqual(createSampler({ name: "ddim", steps: 5 }).timesteps);
});

describe("bad input", () => {
	it.each<[string, Parameters<typeof createSampler>[0], RegExp]>([
		["steps 0", { name: "ddim", steps: 0 }, /^steps: 0 is not/],
		["steps 1001", { name: "ddim", steps: 1001 }, /^steps: 1001/],
		["steps 2.5", { name: "ddim", steps: 2.5 }, /whole number/],
		["eta 2", { name: "ddim", steps: 5, eta: 2 }, /^eta: 2/],
		["eta without ddim", { name: "euler", steps: 5, eta: 1 }, /^eta: works/],
		[
			"karras for ddim",
			{ name: "ddim", steps: 5, schedule: "karras" },
			/karras/,
		],
		["lcm with 60 steps", { name: "lcm", steps: 60 }, /at most 50/],
		[
			"more steps than leading has timesteps",
			{
				name: "unipc",
				steps: 1000,
				overrides: { timestep_spacing: "leading" },
			},
			/timestep_spacing/,
		],
		[
			"zero SNR with epsilon",
			{
				name: "ddim",
				steps: 5,
				overrides: {
					rescale_betas_zero_snr: true,
					timestep_spacing: "trailing",
				},
			},
			/v_prediction/,
		],
		[
			"both Karras and exponential",
			{
				name: "euler",
				steps: 5,
				config: { use_karras_sigmas: true, use_exponential_sigmas: true },
			},
			/excludes/,
		],
		[
			"flow sigmas",
			{ name: "unipc", steps: 5, config: { use_flow_sigmas: true } },
			/flow/,
		],
		[
			"trained_betas of another length",
			{ name: "ddim", steps: 5, config: { trained_betas: [0.1, 0.2] } },
			/trained_betas/,
		],
		[
			"learned variance outside ddpm",
			{
				name: "dpm-solver++",
				steps: 5,
				config: { variance_type: "learned_range" },
			},
			/variance_type/,
		],
		[
			"a spacing that is none",
			{ name: "ddim", steps: 5, config: { timestep_spacing: "middle" } },
			/scheduler_config.json: timestep_spacing/,
		],
		[
			"an endless number of timesteps",
			{ name: "ddim", steps: 5, config: { num_train_timesteps: 1e12 } },
			/num_train_timesteps/,
		],
		["no object", { name: "ddim", steps: 5, config: [1] }, /scheduler_config/],
	])("%s", (_, options, message) => {
		expect(() => createSampler(options)).toThrow(UserError);
		expect(() => createSampler(options)).toThrow(message);
	});

	const wrong: [Partial<Record<string, unknown>>, RegExp][] = [
		[{ beta_start: 0 }, /^schedulerConfig: beta_start: /],
		[{ beta_start: 1e-320 }, /beta_start: the noise does not grow/],
		[{ beta_start: 0.9, beta_end: 0.999 }, /beta_start: no signal is left/],
		[{ beta_start: "1" }, /beta_start: .*number/],
		[{ beta_end: Number.NaN }, /beta_end: /],
		[{ beta_end: Number.POSITIVE_INFINITY }, /beta_end: /],
		[{ trained_betas: Array(1000).fill(0) }, /trained_betas: /],
		[{ trained_betas: Array(1000).fill(1) }, /trained_betas: no signal/],
		[{ trained_betas: [0.1, 0.2] }, /trained_betas: 2 values/],
		[{ num_train_timesteps: 0 }, /num_train_timesteps: /],
		[{ num_train_timesteps: 1e12 }, /num_train_timesteps: /],
		[{ sample_max_value: 0, thresholding: true }, /sample_max_value: /],
		[{ solver_order: 7 }, /solver_order: /],
		[{ solver_order: 0 }, /solver_order: /],
		[{ beta_schedule: "zzz" }, /beta_schedule: .*"linear"/],
		[{ timestep_spacing: "zzz" }, /timestep_spacing: /],
		[{ prediction_type: "zzz" }, /prediction_type: /],
		[{ steps_offset: -5 }, /steps_offset: /],
		[{ lambda_min_clipped: Number.NaN }, /lambda_min_clipped: /],
		[{ sigma_min: 10, sigma_max: 1 }, /sigma_min: 10 is not below/],
		[{ sigma_max: 1e30 }, /sigma_max: /],
		[{ beta_shedule: "linear" }, /did you mean beta_schedule\?/],
	];
	it.each(SAMPLER_NAMES)(
		"%s refuses scheduler keys that no sampler could use, as the option that they are",
		(name) => {
			for (const [overrides, message] of wrong) {
				const options = { name, steps: 2, overrides: overrides as object };
				expect(() => createSampler(options)).toThrow(OptionError);
				expect(() => createSampler(options)).toThrow(message);
			}
			for (const overrides of [5, "x", [1]])
				expect(() =>
					createSampler({ name, steps: 2, overrides: overrides as object }),
				).toThrow(/^schedulerConfig: not a scheduler's/);
		},
	);

	it.each(SAMPLER_NAMES)(
		"%s refuses to start a network that predicts noise where there is no signal",
		(name) => {
			const zeroSnr = {
				rescale_betas_zero_snr: true,
				timestep_spacing: "trailing",
			} as const;
			const betas = Array.from({ length: 1000 }, (_, t) =>
				t < 999 ? 0.01 : 1,
			);
			for (const overrides of [zeroSnr, { trained_betas: betas }])
				for (const schedule of ["default", "even"] as const) {
					const options = { name, steps: 4, overrides, schedule };
					// with leading timesteps these begin later
					if (
						"trained_betas" in overrides &&
						(name === "ddim" || name === "ddpm" || name === "pndm")
					)
						continue;
					expect(() => createSampler(options)).toThrow(
						/^schedulerConfig: (rescale|trained).*starts on pure noise/,
					);
				}
			const v = { ...zeroSnr, prediction_type: "v_prediction" } as const;
			const start = () => createSampler({ name, steps: 4, overrides: v });
			if (name === "pndm") expect(start).toThrow(/choose ddim/);
			else expect(start().timesteps[0]).toBe(999);
		},
	);

	it("says where zero terminal SNR comes from, and draws where steps begin later", () => {
		const config = { ...SD15, rescale_betas_zero_snr: true };
		expect(() =>
			createSampler({
				name: "euler",
				steps: 4,
				config,
				overrides: { timestep_spacing: "trailing" },
			}),
		).toThrow(/^scheduler_config.json: rescale_betas_zero_snr: euler starts/);
		const leading = { timestep_spacing: "leading" } as const;
		for (const name of ["ddim", "euler", "dpm-solver++", "unipc"] as const)
			expect(
				createSampler({ name, steps: 10, config, overrides: leading })
					.sigmas[0],
			).toBeLessThan(100);
	});

	it("refuses solver settings that contradict a sampler's name", () => {
		expect(() =>
			createSampler({
				name: "dpm-solver++-singlestep",
				steps: 4,
				overrides: { algorithm_type: "sde-dpmsolver++" },
			}),
		).toThrow(/algorithm_type/);
		expect(() =>
			createSampler({
				name: "deis",
				steps: 4,
				overrides: { final_sigmas_type: "zero" },
			}),
		).toThrow(/final_sigmas_type/);
	});

	it.each([
		["a name that is none", { name: "zzz", steps: 4 }, "sampler"],
		["__proto__", { name: "__proto__", steps: 4 }, "sampler"],
		[
			"a schedule that is none",
			{ name: "ddim", steps: 4, schedule: "zzz" },
			"schedule",
		],
		[
			"a schedule of null",
			{ name: "ddim", steps: 4, schedule: null },
			"schedule",
		],
		["steps in words", { name: "ddim", steps: "4" }, "steps"],
		["no steps", { name: "ddim" }, "steps"],
		["an eta that is no number", { name: "ddim", steps: 4, eta: "1" }, "eta"],
		["an eta of NaN", { name: "ddim", steps: 4, eta: Number.NaN }, "eta"],
	])("refuses %s", (_, options, option) => {
		try {
			createSampler(options as never);
			expect.unreachable();
		} catch (error) {
			expect(error).toBeInstanceOf(OptionError);
			expect((error as OptionError).option).toBe(option);
		}
	});

	it("is refused in words, or sampled with, whatever a file or an option says", () => {
		const value = fc.oneof(
			fc.double(),
			fc.integer({ min: -3, max: 3000 }),
			fc.boolean(),
			fc.constantFrom(
				null,
				"leading",
				"trailing",
				"linspace",
				"epsilon",
				"v_prediction",
				"sample",
				"zero",
				"sigma_min",
				"linear",
				"squaredcos_cap_v2",
				"heun",
				"learned",
			),
			fc.array(fc.double({ min: 0, max: 1 }), { maxLength: 4 }),
			fc.string(),
		);
		const keys = [
			...Object.keys(samplerConfig("ddim")),
			"_class_name",
			"_use_default_values",
			"__proto__",
		];
		fc.assert(
			fc.property(
				fc.dictionary(fc.constantFrom(...keys), value, { maxKeys: 4 }),
				fc.constantFrom(...SAMPLER_NAMES),
				fc.integer({ min: 1, max: 40 }),
				fc.boolean(),
				(keys, name, steps, byFile) => {
					try {
						const sampler = createSampler(
							byFile
								? { name, steps, config: keys }
								: { name, steps, overrides: keys as object },
						);
						expect(sampler.timesteps.every(Number.isFinite)).toBe(true);
					} catch (error) {
						expect(error).toBeInstanceOf(UserError);
						expect((error as UserError).message).not.toContain("\n");
					}
				},
			),
			{ numRuns: 2000, seed: 1 },
		);
	});
});
