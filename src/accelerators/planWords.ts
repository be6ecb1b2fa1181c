import * as z from "zod";
import { OptionError } from "../errors/optionError.js";
import type {
	AcceleratorSpec,
	KeyStepPlan,
} from "../propagation/keyStepPlan.js";
import { type PlanFile, planFileSchema } from "../propagation/planFile.js";
import {
	PLAN_QUALITIES,
	type PlanQuality,
} from "../propagation/planQuality.js";
import { keyStepPlanSchema } from "../propagation/planSchema.js";
import { PLAN_WORDS, statesWords } from "../propagation/planStates.js";
import { parseTimesWord, timesWord } from "../propagation/planTimes.js";
import { type Times, timesValues } from "../samplers/schedules/timeGrid.js";
import {
	ACCELERATORS,
	acceleratorWord,
	checkAccelerator,
	isAcceleratorWord,
	parseAccelerator,
} from "./accelerators.js";

/** How a run is told what to do at its steps: in words, by the indices of key steps, by a plan file's content, or by a plan. */
export type KeySteps = string | readonly number[] | PlanFile | KeyStepPlan;

export const keyStepsSchema = z.union([
	z.string().max(20_000),
	z.array(z.int()).min(1).max(2000).readonly(),
	planFileSchema,
	keyStepPlanSchema,
]) satisfies z.ZodType<KeySteps>;

/** What was asked for, checked as far as that is possible without knowing the run. */
export interface AskedPlan {
	/** The run that it is for, where it says so: defaults of the run. */
	readonly sampler?: string;
	readonly steps?: number;
	/** The states: words (`paper`, `auto`, `0,1,2`), a file's content or a plan. */
	readonly states: string | PlanFile | KeyStepPlan;
	/** Of the plan that `auto` is to find, where its words say it. */
	readonly quality?: PlanQuality;
	readonly times?: Times;
	readonly accelerator?: AcceleratorSpec;
}

/**
 * Reads what `keySteps` says. Words are parts between `+`: at most one plan (`PLAN_WORDS`, `auto`), one accelerator
 * (`ACCELERATORS`) and one grid (`times:999/500/…`, `log-snr:…`), in any order: `paper+tome:0.5`.
 * @throws OptionError when it is none of them
 */
export function readKeySteps(keySteps: KeySteps): AskedPlan {
	if (typeof keySteps === "string") return readWords(keySteps);
	if (Array.isArray(keySteps)) return { states: keySteps.join() };
	if (isObject(keySteps) && "steps" in keySteps) {
		const file = checked(planFileSchema, keySteps);
		const { sampler, steps } = file;
		return { sampler, steps, states: file, times: file.times };
	}
	const { accelerator, ...plan } = checked(keyStepPlanSchema, keySteps);
	return {
		states: plan,
		times: plan.times,
		accelerator: accelerator && checkAccelerator(accelerator),
	};
}

function readWords(words: string): AskedPlan {
	const asked: { -readonly [Key in keyof AskedPlan]?: AskedPlan[Key] } = {};
	const say = <Key extends keyof AskedPlan>(
		key: Key,
		value: AskedPlan[Key],
	) => {
		if (asked[key] !== undefined)
			throw new OptionError(
				"keySteps",
				`"${words.slice(0, 60)}" gives its ${key} twice`,
			);
		asked[key] = value;
	};
	for (const word of words.split("+").map((part) => part.trim())) {
		const times = parseTimesWord(word);
		const quality = PLAN_QUALITIES.find((own) => word === `auto:${own}`);
		if (times) say("times", times);
		else if (quality) {
			say("states", "auto");
			say("quality", quality);
		} else if (isAcceleratorWord(word))
			say("accelerator", parseAccelerator(word));
		else say("states", word);
	}
	return {
		states: "all",
		...asked,
		steps: asked.times && timesValues(asked.times).length,
	};
}

/** The words that `readKeySteps` reads as this very plan. */
export function planWords(plan: KeyStepPlan): string {
	const { accelerator, times } = plan;
	const states = statesWords(plan);
	const parts = [
		...(states === "all" && accelerator ? [] : [states]),
		...(accelerator ? [acceleratorWord(accelerator)] : []),
		...(times ? [timesWord(times)] : []),
	];
	return parts.join("+");
}

/** What can be asked for, for `--help` and docs. */
export const KEY_STEPS_USAGE: readonly {
	readonly usage: string;
	readonly help: string;
}[] = [
	...PLAN_WORDS,
	{
		usage: "auto",
		help: "the plan that fdiff tune found for this model, sampler, steps and guidance (auto:fast: of that quality), else plain sampling, or where a quality is asked for a general plan",
	},
	{ usage: "FILE.json", help: "a plan file" },
	...ACCELERATORS,
	{
		usage: "times:T/T/…",
		help: "the sampler's grid: a training timestep for each step, decreasing",
	},
	{
		usage: "log-snr:L/L/…",
		help: "the same by log signal-to-noise ratios, increasing",
	},
].map(({ usage, help }) => ({ usage, help }));

/** Callers in JavaScript may give anything. */
const isObject = (value: unknown): value is object =>
	typeof value === "object" && value !== null;

function checked<Schema extends z.ZodType>(
	schema: Schema,
	value: unknown,
): z.output<Schema> {
	const parsed = schema.safeParse(value);
	if (parsed.success) return parsed.data;
	const [{ path, message }] = parsed.error.issues;
	throw new OptionError(
		"keySteps",
		`not a plan: ${[...path.map(String), message.replace(/, received undefined$/, ", but it is missing")].join(": ")}`,
	);
}
