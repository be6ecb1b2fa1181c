import { mustBeText } from "../errors/mustBe.js";
import { OptionError } from "../errors/optionError.js";
import {
	type KeyStepPlan,
	keySteps,
	plainPlan,
	planFromKeySteps,
	planFromStates,
} from "./keyStepPlan.js";
import { publishedKeySteps } from "./publishedKeySteps.js";
import {
	DECODER,
	FULL,
	parseStepState,
	type StepState,
	stepStateWord,
} from "./stepState.js";

/** A kind of plan that words say for any number of steps. */
interface PlanWord {
	/** How it is written. */
	readonly usage: string;
	readonly help: string;
	/** The plan that `words` say; undefined where they say another kind. */
	readonly read: (
		words: string,
		evaluations: number,
	) => KeyStepPlan | undefined;
}

const every = (
	words: string,
	evaluations: number,
	period: string,
	between: StepState,
) =>
	planFromStates(
		Array.from({ length: evaluations }, (_, index) =>
			index % Number(period) === 0 ? FULL : between,
		),
		evaluations,
		words,
	);

/** The kinds of plans that are words. Plans that are looked up (`auto`, files) are resolved in accelerators/resolvePlan.ts. */
export const PLAN_WORDS: readonly PlanWord[] = [
	{
		usage: "all",
		help: "the whole network at every evaluation: plain sampling",
		read: (words, evaluations) =>
			words === "all" ? plainPlan(evaluations) : undefined,
	},
	{
		usage: "paper",
		help: "the published key steps",
		read: (words, evaluations) =>
			words === "paper"
				? planFromKeySteps(publishedKeySteps(evaluations), evaluations, words)
				: undefined,
	},
	{
		usage: "uniform:K",
		help: "every K-th evaluation is a key step",
		read(words, evaluations) {
			const [, period] = /^uniform:([1-9]\d{0,3})$/.exec(words) ?? [];
			return period ? every(words, evaluations, period, DECODER) : undefined;
		},
	},
	{
		usage: "deepcache:K[:D]",
		help: "DeepCache: the whole network every K-th evaluation, between them the D outermost up layers (1) on a fresh shallow encoder",
		read(words, evaluations) {
			const [, period, layers = "1"] =
				/^deepcache:([1-9]\d{0,3})(?::([1-9]\d{0,2}))?$/.exec(words) ?? [];
			return period
				? every(words, evaluations, period, {
						run: "outer",
						layers: Number(layers),
						encoder: "fresh",
					})
				: undefined;
		},
	},
	{
		usage: "0,1,2,5,…",
		help: "these evaluations are key steps",
		read: (words, evaluations) =>
			/^\d+(\s*,\s*\d+)*$/.test(words)
				? planFromKeySteps(words.split(",").map(Number), evaluations, words)
				: undefined,
	},
	{
		usage: "full,decoder,…",
		help: "one state for each evaluation",
		read: (words, evaluations) =>
			/^[a-z].*,/s.test(words)
				? planFromStates(
						words.split(",").map((word) => parseStepState(word.trim())),
						evaluations,
						words,
					)
				: undefined,
	},
];

/**
 * Reads the plans that are words (`PLAN_WORDS`). Behind any of them `@1` or `@2:log-snr` extrapolates the kept features by a
 * polynomial of that order (over the timestep unless told otherwise).
 * @param others what else may be said where a plan is, for the error
 * @throws OptionError when `words` is none of these or does not fit the run
 */
export function parseKeySteps(
	words: string,
	evaluations: number,
	others: readonly { readonly usage: string }[] = [],
): KeyStepPlan {
	mustBeText(words, "keySteps");
	const whole = words.trim();
	const [, text, order, over] =
		/^(.*?)(?:@([012])(?::(timestep|log-snr))?)?$/s.exec(whole) ?? [];
	for (const { read } of PLAN_WORDS) {
		const plan = read(text, evaluations);
		if (plan)
			return {
				...plan,
				label: whole,
				extrapolation: {
					order: Number(order ?? 0) as 0 | 1 | 2,
					over: over === "log-snr" ? over : "timestep",
				},
			};
	}
	throw new OptionError(
		"keySteps",
		`"${whole.slice(0, 60)}" is no plan; use auto, ${[...PLAN_WORDS, ...others].map(({ usage }) => usage).join(", ")} or a plan file (.json)`,
	);
}

/** The words that `parseKeySteps` reads as these very states: the plan's label where it says them, else a list. */
export function statesWords({
	label,
	states,
	extrapolation: { order, over },
}: KeyStepPlan): string {
	const list = states.every(({ run }) => run === "full")
		? "all"
		: states.every(({ run }) => run === "full" || run === "decoder")
			? keySteps({ states }).join()
			: states.map(stepStateWord).join();
	const [base] = label.split("@");
	const words =
		/^[a-z]/.test(base) && said(base, states.length) === spelled(states)
			? base
			: list;
	// predictions are extrapolated over the same axis as features, whatever the order is that features have
	const matters =
		order > 0 ||
		(over !== "timestep" &&
			states.some((state) => state.run === "nothing" && state.order > 0));
	return matters ? `${words}@${order}:${over}` : words;
}

const spelled = (states: readonly StepState[]) =>
	states.map(stepStateWord).join();

/** The states that words say, spelled out; undefined where they say none. */
function said(words: string, evaluations: number): string | undefined {
	try {
		return spelled(parseKeySteps(words, evaluations).states);
	} catch (error) {
		if (error instanceof OptionError) return undefined;
		throw error;
	}
}
