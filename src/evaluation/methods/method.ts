import * as z from "zod";
import { OptionError } from "../../errors/optionError.js";
import { UserError } from "../../errors/userError.js";
import { parseKeySteps } from "../../propagation/keyStepPlan.js";
import { samplerByName } from "../../samplers/config/samplerNames.js";
import { evaluationCount } from "../../samplers/samplerSteps.js";
import { methodPresets } from "./methodPresets.js";

/** Network evaluations are skipped where the prediction is estimated to change little (see accelerators/residualReuse.ts). */
export interface ResidualReuse {
	readonly kind: "ucache";
	readonly threshold: number;
}

/** From this share of the evaluations on, the prompt's half of the network alone (see accelerators/guidanceCutoff.ts). */
export interface GuidanceCutoff {
	readonly kind: "cfg-cutoff";
	readonly from: number;
}

/** Key steps are chosen during the run (see accelerators/adaptive.ts). */
export interface AdaptiveKeySteps {
	readonly kind: "adaptive";
	readonly threshold: number;
}

/** From this evaluation on kept cross-attentions and no guidance (see accelerators/crossAttentionGate.ts). */
export interface CrossAttentionGate {
	readonly kind: "tgate";
	/** Absent: the official code's share of the evaluations. */
	readonly gateStep?: number;
}

/** Self-attentions at full resolution on merged tokens (see accelerators/tokenMerging.ts). */
export interface TokenMerging {
	readonly kind: "tome";
	readonly ratio: number;
	readonly seed: number;
}

export type Accelerator =
	| ResidualReuse
	| GuidanceCutoff
	| AdaptiveKeySteps
	| CrossAttentionGate
	| TokenMerging;

/** The same sampler, plain, with as many steps as take the time (or the FLOPs) of a plan. */
export interface FewerSteps {
	readonly plan: string;
	readonly by: "time" | "flops";
}

/** One way to draw: a row of the results. */
export interface Method {
	/** How it was written: `ddim-50+paper`. */
	readonly name: string;
	readonly sampler: string;
	readonly steps: number;
	/** Key steps in the words of `--key-steps`; `all` is plain sampling, `auto` the plan tuned for the model. */
	readonly keySteps: string;
	/** Absent: the default (0.003 with propagation, else 0). */
	readonly injectNoise?: number;
	readonly injectUntil?: number;
	/** Decoder steps in one batch. */
	readonly maxDecodeBatch?: number;
	readonly guidanceScale?: number;
	readonly accelerator?: Accelerator;
	readonly fewer?: FewerSteps;
	/** The plain method that its images are held against: same sampler, steps and guidance. */
	readonly reference: string;
}

const PATTERN = /^(?<sampler>.+?)-(?<steps>\d{1,4})(?<rest>(?:\+[a-z].*)?)$/;

/** One pixel of four stays. */
const MAX_MERGE_RATIO = 0.75;
const MAX_MERGE_SEED = 4_294_000_000;

const EXAMPLES =
	"such as ddim-50, ddim-50+paper, ddim-50+paper+no-inject, ddim-50+uniform:4, ddim-50+keys:0/1/2/5, ddim-50+fewer, ddim-50+deepcache:3:1, ddim-50+ucache, ddim-50+cfg-cutoff:0.5, ddim-50+tgate:20, ddim-50+tome:0.5";

/**
 * Reads a method from its words: `SAMPLER-STEPS` and then, each after a `+`, what differs from plain sampling:
 * `paper`, `auto`, `uniform:K`, `keys:0/1/2/5`, `deepcache:K[:D]` (key-step plans); `no-inject`, `inject:ALPHA`, `inject-until:TAU`;
 * `batch:N` (decoder steps in one batch); `guidance:X`; `ucache[:THRESHOLD]`; `cfg-cutoff[:SHARE]`; `adaptive:THRESHOLD`;
 * `tgate[:GATE_STEP]`; `tome[:RATIO[:SEED]]`;
 * `fewer[:PLAN]` and `fewer-flops[:PLAN]` (as many plain steps as take the time or the FLOPs of PLAN, else of `paper`).
 * @throws UserError (exit code 2) that names the method and what is wrong in it
 */
export function parseMethod(words: string): Method {
	const name = words.trim();
	const shown = name.slice(0, 80);
	const match = PATTERN.exec(name);
	if (!match?.groups || name.length > 400)
		throw new OptionError(
			"methods",
			`"${shown}" is no method; use ${EXAMPLES}`,
		);
	const { sampler, rest } = match.groups;
	const steps = Number(match.groups.steps);
	const said: { -readonly [Key in keyof Method]?: Method[Key] } = {};
	const say = <Key extends keyof Method>(key: Key, value: Method[Key]) => {
		if (said[key] !== undefined)
			throw new OptionError(
				"methods",
				`${shown} says twice what its ${key} is`,
			);
		said[key] = value;
	};
	for (const word of rest === "" ? [] : rest.slice(1).split("+")) {
		const [head, ...tail] = word.split(":");
		const argument = tail.join(":");
		const number = (low: number, high: number, text = argument): number => {
			const value = Number(text);
			if (text === "" || !(value >= low && value <= high))
				throw new OptionError(
					"methods",
					`${shown}: ${head} needs a number from ${low} to ${high}, as in ${head}:${low}`,
				);
			return value;
		};
		switch (head) {
			case "paper":
			case "auto":
			case "uniform":
			case "deepcache":
				say("keySteps", word);
				break;
			case "keys":
				say("keySteps", argument.replaceAll("/", ","));
				break;
			case "no-inject":
				say("injectNoise", 0);
				break;
			case "inject":
				say("injectNoise", number(0, 1));
				break;
			case "inject-until":
				say("injectUntil", number(0, 1));
				break;
			case "batch":
				say("maxDecodeBatch", Math.round(number(1, 1000)));
				break;
			case "guidance":
				say("guidanceScale", number(0, 100));
				break;
			case "ucache":
				say("accelerator", {
					kind: "ucache",
					threshold: argument === "" ? 1 : number(0, 100),
				});
				break;
			case "adaptive":
				say("accelerator", { kind: "adaptive", threshold: number(0, 100) });
				break;
			case "cfg-cutoff":
				say("accelerator", {
					kind: "cfg-cutoff",
					from: argument === "" ? 0.5 : number(0, 1),
				});
				break;
			case "tgate":
				say("accelerator", {
					kind: "tgate",
					...(argument === "" ? {} : { gateStep: number(1, 1000) }),
				});
				break;
			case "tome": {
				const [ratio = "", seed = "", ...more] = tail;
				if (more.length > 0)
					throw new OptionError(
						"methods",
						`${shown}: tome takes a ratio and a seed, as in tome:0.5:0`,
					);
				say("accelerator", {
					kind: "tome",
					ratio: ratio === "" ? 0.5 : number(0, MAX_MERGE_RATIO, ratio),
					seed: seed === "" ? 0 : number(0, MAX_MERGE_SEED, seed),
				});
				break;
			}
			case "fewer":
			case "fewer-flops":
				say("fewer", {
					plan:
						argument === ""
							? "paper"
							: argument.replace(/^keys:/, "").replaceAll("/", ","),
					by: head === "fewer" ? "time" : "flops",
				});
				break;
			default:
				throw new OptionError(
					"methods",
					`${shown}: "${word.slice(0, 40)}" is not known; use ${EXAMPLES}`,
				);
		}
	}
	return checkMethod({
		name,
		sampler,
		steps,
		keySteps: "all",
		reference: "",
		...said,
	});
}

const methodSchema = z.strictObject({
	name: z.string().min(1).max(100),
	sampler: z.string().max(60),
	steps: z.int().min(1).max(1000),
	keySteps: z.string().max(10_000).default("all"),
	injectNoise: z.number().min(0).max(1).optional(),
	injectUntil: z.number().min(0).max(1).optional(),
	maxDecodeBatch: z.int().min(1).max(1000).optional(),
	guidanceScale: z.number().min(0).max(100).optional(),
	accelerator: z
		.discriminatedUnion("kind", [
			z.strictObject({
				kind: z.literal("ucache"),
				threshold: z.number().min(0).max(100),
			}),
			z.strictObject({
				kind: z.literal("adaptive"),
				threshold: z.number().min(0).max(100),
			}),
			z.strictObject({
				kind: z.literal("cfg-cutoff"),
				from: z.number().min(0).max(1),
			}),
			z.strictObject({
				kind: z.literal("tgate"),
				gateStep: z.number().min(1).max(1000).optional(),
			}),
			z.strictObject({
				kind: z.literal("tome"),
				ratio: z.number().min(0).max(MAX_MERGE_RATIO),
				seed: z.number().min(0).max(MAX_MERGE_SEED),
			}),
		])
		.optional(),
	fewer: z
		.strictObject({ plan: z.string(), by: z.enum(["time", "flops"]) })
		.optional(),
	reference: z.string().default(""),
});

/**
 * Reads methods from the text of a JSON file: an array of words (see parseMethod) and of objects with the fields of `Method`.
 * @throws UserError (exit code 2) that names the file and the entry
 */
export function parseMethodFile(text: string, label: string): Method[] {
	let json: unknown;
	try {
		json = JSON.parse(text);
	} catch {
		throw new UserError(`${label}: not a list of methods: it is no JSON`, {
			code: "usage",
		});
	}
	if (!Array.isArray(json))
		throw new UserError(`${label}: not a list of methods: no JSON array`, {
			code: "usage",
		});
	return distinct(
		json.map((entry: unknown, position) => {
			if (typeof entry === "string") return parseMethod(entry);
			const parsed = methodSchema.safeParse(entry);
			if (parsed.success) return checkMethod(parsed.data);
			const [issue] = parsed.error.issues;
			throw new UserError(
				`${label}: method ${position + 1}: ${[...issue.path.map(String), ""].join(": ")}${issue.message}`,
				{ code: "usage" },
			);
		}),
	);
}

/**
 * Reads the list that `--methods` takes: methods and presets (`study`, `honest`, …) between commas or spaces.
 * @throws UserError (exit code 2)
 */
export function parseMethods(list: string): Method[] {
	const words = list.split(/[\s,]+/).filter((word) => word !== "");
	if (words.length === 0)
		throw new OptionError("methods", `no method is given; use ${EXAMPLES}`);
	const names = words.flatMap((word) =>
		Object.hasOwn(methodPresets, word) ? methodPresets[word] : [word],
	);
	return distinct([...new Set(names)].map(parseMethod));
}

function distinct(methods: Method[]): Method[] {
	const seen = new Set<string>();
	for (const { name } of methods) {
		if (seen.has(name))
			throw new OptionError("methods", `${name} is there twice`);
		seen.add(name);
	}
	return methods;
}

/** Fills in the reference; whatever cannot work is refused before anything runs. */
function checkMethod(method: Method): Method {
	const { name, keySteps, accelerator, fewer, steps } = method;
	const refuse = (reason: string): never => {
		throw new OptionError("methods", `${name.slice(0, 80)}: ${reason}`);
	};
	if (!/^[\x21-\x7e]+$/.test(name))
		refuse("a name is of letters, digits and signs, without spaces");
	if (steps < 1 || steps > 1000) refuse("steps are 1 to 1000");
	const { name: sampler } = samplerByName(method.sampler);
	const evaluations = evaluationCount(sampler, steps);
	if (keySteps !== "auto")
		parseKeySteps(keySteps, evaluations, `--methods: ${name.slice(0, 80)}`);
	if (fewer) {
		if (keySteps !== "all" || accelerator)
			refuse(
				"fewer steps are plain steps: leave the plan and the accelerator out",
			);
		parseKeySteps(fewer.plan, evaluations, `--methods: ${name.slice(0, 80)}`);
	}
	if (
		(accelerator?.kind === "ucache" || accelerator?.kind === "adaptive") &&
		keySteps !== "all"
	)
		refuse(
			`${accelerator.kind} decides itself which evaluations run: leave the key steps out`,
		);
	if (accelerator?.kind === "tgate") {
		if (keySteps !== "all")
			refuse(
				"tgate runs the whole network at each step: leave the key steps out",
			);
		const { gateStep = 1 } = accelerator;
		if (evaluations < 2) refuse("tgate needs two steps or more");
		if (!Number.isInteger(gateStep) || gateStep >= evaluations)
			refuse(
				`the gate step is a whole number from 1 to ${evaluations - 1}, as in tgate:1`,
			);
	}
	if (accelerator?.kind === "tome" && !Number.isInteger(accelerator.seed))
		refuse("the seed of tome is a whole number, as in tome:0.5:0");
	if (
		accelerator?.kind === "cfg-cutoff" &&
		/outer|deepcache|nothing|auto/.test(keySteps)
	)
		refuse("cfg-cutoff goes with plans of full and decoder steps only");
	const guidance =
		method.guidanceScale === undefined
			? ""
			: `+guidance:${method.guidanceScale}`;
	return {
		...method,
		reference: method.reference || `${method.sampler}-${steps}${guidance}`,
	};
}
