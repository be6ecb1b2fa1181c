import * as z from "zod";
import { acceleratorWord } from "../../accelerators/accelerators.js";
import { KEY_STEPS_USAGE, readKeySteps } from "../../accelerators/planWords.js";
import { resolvePlan } from "../../accelerators/resolvePlan.js";
import { OptionError } from "../../errors/optionError.js";
import { UserError } from "../../errors/userError.js";
import { readJsonText } from "../../files/parseJson.js";
import { samplerByName } from "../../samplers/config/samplerNames.js";
import { evaluationCount } from "../../samplers/samplerSteps.js";
import { methodPresets } from "./methodPresets.js";

/** Characters of a method's name. */
const LONGEST_NAME = 400;

/** The fields of a method; run.json has the same. */
export const methodFields = {
	/** How it was written: `ddim-50+paper`. */
	name: z.string().min(1).max(LONGEST_NAME),
	sampler: z.string().max(60),
	steps: z.int().min(1).max(1000),
	/** Plan and accelerator in the words of `keySteps`; `all` is plain sampling. */
	keySteps: z.string().max(20_000).default("all"),
	/** Absent: the default (0.003 with propagation, else 0). */
	injectNoise: z.number().min(0).max(1).optional(),
	injectUntil: z.number().min(0).max(1).optional(),
	/** Decoder steps in one batch. */
	maxDecodeBatch: z.int().min(1).max(1000).optional(),
	guidanceScale: z.number().min(0).max(100).optional(),
	/** The same sampler, plain, with as many steps as take the time (or the FLOPs) of a plan. */
	fewer: z
		.strictObject({ plan: z.string(), by: z.enum(["time", "flops"]) })
		.optional(),
	/** The plain method that its images are held against: same sampler, steps and guidance. */
	reference: z.string().default(""),
};

/** Earlier versions kept the accelerator beside the key steps: its words join theirs. */
export function joinAccelerator(method: unknown): unknown {
	if (typeof method !== "object" || method === null) return method;
	const {
		accelerator,
		keySteps = "all",
		...rest
	} = method as {
		accelerator?: unknown;
		keySteps?: unknown;
	};
	const spec = z.looseObject({ kind: z.string() }).safeParse(accelerator);
	if (!spec.success) return method;
	const word = acceleratorWord(spec.data);
	return {
		...rest,
		keySteps: keySteps === "all" ? word : `${keySteps}+${word}`,
	};
}

const methodSchema = z.preprocess(
	joinAccelerator,
	z.strictObject(methodFields),
);

/** One way to draw: a row of the results. */
export type Method = Readonly<z.output<typeof methodSchema>>;

const PATTERN = /^(?<sampler>.+?)-(?<steps>\d{1,4})(?<rest>(?:\+[a-z].*)?)$/;

const EXAMPLES =
	"such as ddim-50, ddim-50+paper, ddim-50+paper+no-inject, ddim-50+uniform:4, ddim-50+keys:0/1/2/5, ddim-50+fewer, ddim-50+deepcache:3:1, ddim-50+ucache, ddim-50+cfg-cutoff:0.5, ddim-50+tgate:20, ddim-50+tome:0.5";

/** What `--methods` takes behind `SAMPLER-STEPS`, for `--help` and docs. */
export const METHOD_USAGE: typeof KEY_STEPS_USAGE = [
	...KEY_STEPS_USAGE.filter(({ usage }) => /^[a-z-]+(:|\[|$)/.test(usage)),
	{ usage: "keys:0/1/2/5", help: "key steps, or states, between strokes" },
	{ usage: "no-inject", help: "without noise injection" },
	{ usage: "inject:ALPHA", help: "with so much of it" },
	{ usage: "inject-until:TAU", help: "while t / 1000 is below TAU" },
	{ usage: "batch:N", help: "up to N decoder steps in one batch" },
	{ usage: "guidance:X", help: "guidance scale" },
	{
		usage: "fewer[:PLAN]",
		help: "as many plain steps as take the time of PLAN (paper)",
	},
	{
		usage: "fewer-flops[:PLAN]",
		help: "as many plain steps as take the FLOPs of PLAN (paper)",
	},
];

const HEADS = new Set(
	METHOD_USAGE.map(({ usage }) => usage.split(/[:[]/, 1)[0]),
);

/**
 * Reads a method from its words: `SAMPLER-STEPS` and then, each after a `+`, what differs from plain sampling (`METHOD_USAGE`).
 * @throws OptionError that names the method and what is wrong in it
 */
export function parseMethod(words: string): Method {
	const name = words.trim();
	const shown = name.slice(0, 80);
	const match = PATTERN.exec(name);
	if (!match?.groups || name.length > 20_000)
		throw new OptionError(
			"methods",
			`"${shown}" is no method; use ${EXAMPLES}`,
		);
	const { sampler, rest } = match.groups;
	const steps = Number(match.groups.steps);
	const said: { -readonly [Key in keyof Method]?: Method[Key] } = {};
	const plan: string[] = [];
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
		const number = (low: number, high: number): number => {
			const value = Number(argument);
			if (argument === "" || !(value >= low && value <= high))
				throw new OptionError(
					"methods",
					`${shown}: ${head} needs a number from ${low} to ${high}, as in ${head}:${low}`,
				);
			return value;
		};
		switch (head) {
			case "keys":
				plan.push(argument.replaceAll("/", ","));
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
				if (!HEADS.has(head.split("@")[0]))
					throw new OptionError(
						"methods",
						`${shown}: "${word.slice(0, 40)}" is not known; use ${EXAMPLES}`,
					);
				plan.push(word);
		}
	}
	return checkMethod({
		name,
		sampler,
		steps,
		keySteps: plan.join("+") || "all",
		reference: "",
		...said,
	});
}

/**
 * Reads methods from the text of a JSON file: an array of words (see parseMethod) and of objects with the fields of `Method`.
 * @throws UserError that names the file and the entry
 */
export function parseMethodFile(text: string, label: string): Method[] {
	const json = readJsonText(text, label, { code: "usage" });
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
 * @throws OptionError
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
	return methods.map((method) => withReference(method, methods));
}

/** Held against the plain run of the list that is meant, however its name writes the guidance scale; a reference that was given stays. */
function withReference(method: Method, methods: readonly Method[]): Method {
	if (
		method.reference !== usualReference(method) ||
		methods.some(({ name }) => name === method.reference)
	)
		return method;
	const plain = methods.find(
		(other) =>
			other.keySteps === "all" &&
			!other.fewer &&
			other.injectNoise === undefined &&
			other.maxDecodeBatch === undefined &&
			other.sampler === method.sampler &&
			other.steps === method.steps &&
			other.guidanceScale === method.guidanceScale,
	);
	return plain ? { ...method, reference: plain.name } : method;
}

/** Fills in the reference; whatever cannot work is refused before anything runs. */
function checkMethod(method: Method): Method {
	const { name, keySteps, fewer, steps } = method;
	const refuse = (reason: string): never => {
		throw new OptionError("methods", `${name.slice(0, 80)}: ${reason}`);
	};
	if (!/^[\x21-\x7e]+$/.test(name))
		refuse("a name is of letters, digits and signs, without spaces");
	if (name.length > LONGEST_NAME)
		refuse(
			`a name has at most ${LONGEST_NAME} characters; give the plan in a FILE.json under a shorter name`,
		);
	if (steps < 1 || steps > 1000) refuse("steps are 1 to 1000");
	if (fewer && keySteps !== "all")
		refuse("fewer steps are plain steps: leave the plan out");
	try {
		checkPlan(method, keySteps);
		if (fewer) checkPlan(method, fewer.plan);
	} catch (error) {
		if (
			!(error instanceof OptionError) ||
			!["keySteps", "sampler"].includes(error.option)
		)
			throw error;
		refuse(error.what);
	}
	return { ...method, reference: method.reference || usualReference(method) };
}

/** The plain run of a method's sampler, steps and guidance. */
function usualReference({ sampler, steps, guidanceScale }: Method): string {
	return `${sampler}-${steps}${guidanceScale === undefined ? "" : `+guidance:${guidanceScale}`}`;
}

/** Checks what can be checked without a model. */
function checkPlan({ sampler, steps }: Method, keySteps: string): void {
	const { name } = samplerByName(sampler);
	const asked = readKeySteps(keySteps);
	if (asked.states === "auto") return;
	resolvePlan(asked, {
		sampler: name,
		steps,
		guidanceScale: 1,
		createSampler: () => ({
			timesteps: new Array<number>(evaluationCount(name, steps)),
		}),
	});
}
