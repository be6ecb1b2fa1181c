import { describe, expect, it } from "vitest";
import { UserError } from "../../src/errors/userError.js";
import {
	SIGMA_SCHEDULES,
	type SigmaSchedule,
} from "../../src/samplers/config/samplerConfig.js";
import {
	samplerByName,
	samplerLabels,
	samplerOfConfig,
} from "../../src/samplers/config/samplerNames.js";
import { parseSchedulerConfig } from "../../src/samplers/config/schedulerConfig.js";
import { SAMPLER_NAMES, type SamplerName } from "../../src/samplers/sampler.js";

describe("samplerByName", () => {
	it.each(SAMPLER_NAMES)("knows %s by its own name", (name) => {
		expect(samplerByName(name)).toEqual({ name });
		expect(samplerByName(name.toUpperCase()).name).toBe(name);
	});

	it.each<[string, SamplerName, SigmaSchedule | undefined]>([
		["DPM++ 2M", "dpm-solver++", undefined],
		["DPM++ 2M Karras", "dpm-solver++", "karras"],
		["dpm++ 2m exponential", "dpm-solver++", "exponential"],
		["k_dpmpp_2m", "dpm-solver++", undefined],
		["k_dpmpp_2m_ka", "dpm-solver++", "karras"],
		["dpmpp_2m", "dpm-solver++", undefined],
		["sample_dpmpp_2m", "dpm-solver++", undefined],
		["dpm++2m", "dpm-solver++", undefined],
		["DPM++ 2M Align Your Steps", "dpm-solver++", "ays"],
		["DPM++ 2M SDE Karras", "dpm-solver++-sde", "karras"],
		["k_dpmpp_2m_sde", "dpm-solver++-sde", undefined],
		["Euler", "euler", undefined],
		["Euler a", "euler-a", undefined],
		["k_euler_a", "euler-a", undefined],
		["k_euler_ancestral", "euler-a", undefined],
		["Heun", "heun", undefined],
		["DPM++ 2M Even", "dpm-solver++", "even"],
		["ddim_even", "ddim", "even"],
		["TCD", "tcd", undefined],
		["TCDScheduler", "tcd", undefined],
		["LMS Karras", "lms", "karras"],
		["PLMS", "pndm", undefined],
		["UniPC", "unipc", undefined],
		["DPM2 Karras", "dpm2", "karras"],
		["k_dpm_2", "dpm2", undefined],
		["dpmsolver", "dpm-solver", undefined],
		["dpmsolver++", "dpm-solver++", undefined],
		["DDIMScheduler", "ddim", undefined],
		["DPMSolverMultistepScheduler", "dpm-solver++", undefined],
		["EulerAncestralDiscreteScheduler", "euler-a", undefined],
		["KDPM2DiscreteScheduler", "dpm2", undefined],
	])("reads %s", (written, name, schedule) => {
		const found = samplerByName(written);
		expect(found.name).toBe(name);
		expect(found.schedule).toBe(schedule);
	});

	it("takes spacing and solver settings along", () => {
		expect(samplerByName("ddim_trailing").overrides).toEqual({
			timestep_spacing: "trailing",
		});
		expect(samplerByName("DPM++ 3M SDE Karras")).toEqual({
			name: "dpm-solver++-sde",
			schedule: "karras",
			overrides: { solver_order: 3 },
		});
	});

	it.each([
		["eulr", "euler"],
		["dmp-solver++", "dpm-solver++"],
		["ddmi", "ddim"],
		["DPM++ 2M Karas", "dpm-solver++"],
		["unipcc", "unipc"],
	])("names the nearest to %s", (written, name) => {
		expect(() => samplerByName(written)).toThrow(`did you mean ${name}?`);
	});

	it("is a usage error on one line, however long or odd the name", () => {
		for (const written of ["", "x".repeat(1e6), "a\nb", "__proto__", "🦆"]) {
			try {
				samplerByName(written);
				expect.unreachable();
			} catch (error) {
				expect(error).toBeInstanceOf(UserError);
				expect((error as UserError).code).toBe("invalid_option");
				expect((error as UserError).message).not.toContain("\n");
				expect((error as UserError).message.length).toBeLessThan(500);
			}
		}
	});
});

describe("samplerLabels", () => {
	it("are A1111's", () => {
		expect(samplerLabels("dpm-solver++", "karras")).toEqual({
			sampler: "DPM++ 2M",
			scheduleType: "Karras",
		});
		expect(samplerLabels("euler-a").sampler).toBe("Euler a");
		expect(samplerLabels("pndm").sampler).toBe("PLMS");
	});

	it("read back as the same sampler and schedule", () => {
		for (const name of SAMPLER_NAMES)
			for (const schedule of SIGMA_SCHEDULES) {
				const { sampler, scheduleType } = samplerLabels(name, schedule);
				const read = samplerByName(`${sampler} ${scheduleType}`);
				expect(read.name).toBe(name);
				expect(read.schedule ?? "default").toBe(schedule);
			}
		const { sampler, scheduleType } = samplerLabels("ddim", "default", {
			timestep_spacing: "trailing",
		});
		expect(samplerByName(`${sampler} ${scheduleType}`).overrides).toEqual({
			timestep_spacing: "trailing",
		});
	});
});

describe("samplerOfConfig", () => {
	const of = (json: unknown) =>
		samplerOfConfig(parseSchedulerConfig(json))?.name;
	it("reads the class and what solver it is set to", () => {
		expect(of({ _class_name: "PNDMScheduler" })).toBe("pndm");
		const dpm = { _class_name: "DPMSolverMultistepScheduler" };
		expect(of(dpm)).toBe("dpm-solver++");
		expect(of({ ...dpm, algorithm_type: "dpmsolver" })).toBe("dpm-solver");
		expect(of({ ...dpm, algorithm_type: "sde-dpmsolver++" })).toBe(
			"dpm-solver++-sde",
		);
		expect(of({ ...dpm, solver_order: 3 })).toBe("dpm-solver++-3m");
		expect(
			of({
				_class_name: "DPMSolverSinglestepScheduler",
				algorithm_type: "dpmsolver",
			}),
		).toBe("dpm-solver-singlestep");
	});
	it("says nothing where the file does not", () => {
		expect(of({})).toBeUndefined();
		expect(
			of({ _class_name: "FlowMatchEulerDiscreteScheduler" }),
		).toBeUndefined();
		expect(of({ _class_name: "constructor" })).toBeUndefined();
	});
});
