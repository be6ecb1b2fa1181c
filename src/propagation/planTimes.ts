import * as z from "zod";
import { OptionError } from "../errors/optionError.js";
import { type Times, timesValues } from "../samplers/schedules/timeGrid.js";

const inOrder = (values: readonly number[], sign: 1 | -1) =>
	values.every((value, i) => i === 0 || sign * (value - values[i - 1]) > 0);

/**
 * The grid that a plan brings for the sampler, in place of the sampler's own: one value for each step. A sampler checks it against
 * the model's noise schedule.
 */
export const timesSchema = z.union(
	[
		z
			.array(z.number().min(0))
			.min(1)
			.max(1000)
			.refine((values) => inOrder(values, -1), {
				error: "timesteps must decrease",
			})
			.readonly(),
		z.strictObject({
			logSnr: z
				.array(z.number())
				.min(1)
				.max(1000)
				.refine((values) => inOrder(values, 1), {
					error: "log signal-to-noise ratios must increase",
				})
				.readonly(),
		}),
	],
	{
		error:
			'give training timesteps, descending, or { "logSnr": [...] }, ascending',
	},
) satisfies z.ZodType<Times>;

/** The words of `times`: `times:999/750.5/500`, or `log-snr:-5/-1/3`. */
export function timesWord(times: Times): string {
	return `${"logSnr" in times ? "log-snr" : "times"}:${timesValues(times).join("/")}`;
}

/**
 * Reads the words of `timesWord`.
 * @returns undefined when `word` is not about times
 * @throws OptionError when the values are none, or not in order
 */
export function parseTimesWord(word: string): Times | undefined {
	const [, kind, list] = /^(times|log-snr):(.*)$/s.exec(word) ?? [];
	if (kind === undefined) return undefined;
	const texts = list.split("/");
	const values = texts.map((text) => Number(text.trim() || Number.NaN));
	const times = kind === "times" ? values : { logSnr: values };
	const bad = values.findIndex(
		(value) => !Number.isFinite(value) || (kind === "times" && value < 0),
	);
	if (bad >= 0)
		throw new OptionError(
			"keySteps",
			`${kind}: "${texts[bad].slice(0, 40)}" is no ${kind === "times" ? "training timestep" : "log signal-to-noise ratio"}`,
		);
	const parsed = timesSchema.safeParse(times);
	if (parsed.success) return parsed.data;
	throw new OptionError(
		"keySteps",
		`${kind}: ${firstMessage(parsed.error.issues[0])}`,
	);
}

/** What is wrong, of the alternative that comes closest. */
function firstMessage(issue: z.core.$ZodIssue): string {
	const nested =
		issue.code === "invalid_union"
			? issue.errors.flat().find(({ code }) => code !== "invalid_type")
			: undefined;
	return nested ? firstMessage(nested) : issue.message;
}
