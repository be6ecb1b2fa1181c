import { nearestWord } from "../../errors/editDistance.js";
import { OptionError } from "../../errors/optionError.js";
import { SAMPLER_NAMES, type SamplerName } from "../sampler.js";
import type { SigmaSchedule } from "./samplerConfig.js";
import type { SamplerConfig, SchedulerConfig } from "./schedulerConfig.js";

/** What a name that people write stands for: a sampler, and where it says so the spread of sigmas and other settings. */
export interface NamedSampler {
	readonly name: SamplerName;
	readonly schedule?: SigmaSchedule;
	readonly overrides?: Partial<SamplerConfig>;
}

/** How the Stable Diffusion web UI (A1111) shows each sampler; ones it does not have are named in its manner. */
const LABELS: Record<SamplerName, string> = {
	ddim: "DDIM",
	ddpm: "DDPM",
	"dpm-solver": "DPM-Solver",
	"dpm-solver++": "DPM++ 2M",
	"dpm-solver++-3m": "DPM++ 3M",
	"dpm-solver++-sde": "DPM++ 2M SDE",
	"dpm-solver-singlestep": "DPM-Solver Singlestep",
	"dpm-solver++-singlestep": "DPM++ 2S",
	euler: "Euler",
	"euler-a": "Euler a",
	heun: "Heun",
	lms: "LMS",
	pndm: "PLMS",
	unipc: "UniPC",
	lcm: "LCM",
	deis: "DEIS",
	dpm2: "DPM2",
	tcd: "TCD",
};

/** diffusers' classes, and other names in use (A1111, k-diffusion, ComfyUI, stable-diffusion.cpp). */
const ALIASES: Record<string, SamplerName | NamedSampler> = {
	DDIMScheduler: "ddim",
	DDPMScheduler: "ddpm",
	DPMSolverMultistepScheduler: "dpm-solver++",
	DPMSolverSinglestepScheduler: "dpm-solver++-singlestep",
	EulerDiscreteScheduler: "euler",
	EulerAncestralDiscreteScheduler: "euler-a",
	HeunDiscreteScheduler: "heun",
	LMSDiscreteScheduler: "lms",
	PNDMScheduler: "pndm",
	UniPCMultistepScheduler: "unipc",
	LCMScheduler: "lcm",
	DEISMultistepScheduler: "deis",
	KDPM2DiscreteScheduler: "dpm2",
	TCDScheduler: "tcd",
	dpmsolver: "dpm-solver",
	"dpm-solver-multistep": "dpm-solver",
	"dpm-solver-2m": "dpm-solver",
	"dpm-solver++-multistep": "dpm-solver++",
	"dpm-solver++-2m": "dpm-solver++",
	"dpm-solver++-2m-sde": "dpm-solver++-sde",
	"sde-dpm-solver++": "dpm-solver++-sde",
	"dpm++": "dpm-solver++",
	"dpm++ sde multistep": "dpm-solver++-sde",
	"dpm++ 2m sde gpu": "dpm-solver++-sde",
	"dpm++ 2m sde heun": {
		name: "dpm-solver++-sde",
		overrides: { solver_order: 2, solver_type: "heun" },
	},
	"dpm++ 2m sde": {
		name: "dpm-solver++-sde",
		overrides: { solver_order: 2 },
	},
	"dpm++ 3m sde": {
		name: "dpm-solver++-sde",
		overrides: { solver_order: 3 },
	},
	"euler ancestral": "euler-a",
	k_dpm_2: "dpm2",
	k_lms: "lms",
	plms: "pndm",
	uni_pc: "unipc",
	uni_pc_bh2: { name: "unipc", overrides: { solver_type: "bh2" } },
	uni_pc_bh1: { name: "unipc", overrides: { solver_type: "bh1" } },
};

/** What A1111 calls "Schedule type", at the end of a name or in its own field. */
const SCHEDULES: Record<string, Omit<NamedSampler, "name">> = {
	karras: { schedule: "karras" },
	ka: { schedule: "karras" },
	exponential: { schedule: "exponential" },
	"align your steps": { schedule: "ays" },
	ays: { schedule: "ays" },
	even: { schedule: "even" },
	"sgm uniform": { overrides: { timestep_spacing: "trailing" } },
	simple: { overrides: { timestep_spacing: "trailing" } },
	trailing: { overrides: { timestep_spacing: "trailing" } },
	leading: { overrides: { timestep_spacing: "leading" } },
	linspace: { overrides: { timestep_spacing: "linspace" } },
	automatic: {},
	default: {},
	normal: {},
	uniform: {},
	discrete: {},
};

/** A name without what people vary: case, separators, "k_" in front, "++" or "pp". */
function normalized(name: string): string {
	return name
		.toLowerCase()
		.replace(/^(k|sample)[_\s-]+/, "")
		.replaceAll("++", "pp")
		.replace(/[^a-z0-9]/g, "");
}

const KNOWN = new Map<string, NamedSampler>();
for (const name of SAMPLER_NAMES) KNOWN.set(normalized(name), { name });
for (const name of SAMPLER_NAMES) KNOWN.set(normalized(LABELS[name]), { name });
for (const [alias, meant] of Object.entries(ALIASES))
	KNOWN.set(
		normalized(alias),
		typeof meant === "string" ? { name: meant } : meant,
	);

const ENDINGS = Object.entries(SCHEDULES).map(
	([ending, meant]) => [normalized(ending), meant] as const,
);

/**
 * The sampler that a name stands for, whatever its case and separators: our names, A1111's ("DPM++ 2M Karras", "Euler
 * a", "PLMS"), k-diffusion's ("k_dpmpp_2m"), diffusers' classes ("DDIMScheduler"). A schedule at the end ("Karras",
 * "Exponential", "Align Your Steps", "SGM Uniform", "Automatic") is taken along.
 * @throws OptionError when there is no sampler of this name; it names one whose name is near.
 */
export function samplerByName(written: string): NamedSampler {
	const shown = written.slice(0, 60);
	const key = normalized(shown);
	const exact = KNOWN.get(key);
	if (exact) return exact;
	for (const [ending, spread] of ENDINGS) {
		if (!key.endsWith(ending)) continue;
		const known = KNOWN.get(key.slice(0, -ending.length));
		if (!known) continue;
		const overrides = { ...known.overrides, ...spread.overrides };
		return {
			...known,
			...spread,
			...(Object.keys(overrides).length > 0 ? { overrides } : {}),
		};
	}
	const near = nearestSampler(key);
	throw new OptionError(
		"sampler",
		`unknown sampler ${JSON.stringify(shown)}; ${near ? `did you mean ${near}? There` : "there"} are ${SAMPLER_NAMES.join(", ")}`,
	);
}

/** The sampler whose name, with or without a schedule behind it, is near. */
function nearestSampler(key: string): SamplerName | undefined {
	const names = new Map(
		[...KNOWN].flatMap(([known, { name }]) =>
			["", ...ENDINGS.map(([ending]) => ending)].map(
				(ending) => [known + ending, name] as const,
			),
		),
	);
	return names.get(nearestWord(key, [...names.keys()]) ?? "");
}

/**
 * What A1111 writes into its images for a sampler: "Sampler" and "Schedule type". The two joined by a space are a name
 * that samplerByName reads back to the same sampler, schedule and (trailing) spacing.
 */
export function samplerLabels(
	name: SamplerName,
	schedule: SigmaSchedule = "default",
	overrides: Partial<SamplerConfig> = {},
): { sampler: string; scheduleType: string } {
	let sampler = LABELS[name];
	if (name === "dpm-solver++-sde") {
		if (overrides.solver_order === 3) sampler = "DPM++ 3M SDE";
		else if (overrides.solver_type === "heun") sampler = "DPM++ 2M SDE Heun";
	}
	const spread = {
		karras: "Karras",
		exponential: "Exponential",
		ays: "Align Your Steps",
		even: "Even",
		default:
			overrides.timestep_spacing === "trailing" ? "SGM Uniform" : "Automatic",
	};
	return { sampler, scheduleType: spread[schedule] };
}

/**
 * The sampler of a model's own scheduler_config.json; undefined where the file names no class, or one that is not a
 * sampler here.
 */
export function samplerOfConfig(
	file: SchedulerConfig,
): NamedSampler | undefined {
	const className = file._class_name ?? "";
	if (!Object.hasOwn(ALIASES, className)) return undefined;
	const meant = ALIASES[className];
	const { name } = typeof meant === "string" ? { name: meant } : meant;
	if (name === "dpm-solver++") {
		if (file.algorithm_type?.startsWith("sde-"))
			return { name: "dpm-solver++-sde" };
		if (file.algorithm_type === "dpmsolver") return { name: "dpm-solver" };
		if (file.solver_order === 3) return { name: "dpm-solver++-3m" };
		if (file.solver_order === 1)
			return { name, overrides: { solver_order: 1 } };
	}
	if (name === "dpm-solver++-singlestep" && file.algorithm_type === "dpmsolver")
		return { name: "dpm-solver-singlestep" };
	return { name };
}
