import { expect, test } from "vitest";
import { requestSchema } from "../../../src/pipeline/optionForm.js";
import { fieldKind, valueOfText } from "../../../web/src/settings/fieldKind.js";
import { sectionSummary } from "../../../web/src/settings/sectionSummary.js";

const defaults: Readonly<Record<string, unknown>> = {
	sampler: "dpm-solver++",
	steps: 20,
	guidanceScale: 5,
};
const note = (name: string) => ({ name, group: "", help: "", expected: "" });

test("a closed section says what is worth seeing, and what was changed", () => {
	const summary = (group: string, given: Record<string, unknown>) =>
		sectionSummary(group, {
			options: ["sampler", "steps", "eta", "clipSkip", "longPrompts"].map(note),
			given,
			settingOf: (name) => given[name] ?? defaults[name],
		});
	expect(summary("Sampling", {})).toBe("DPM++ 2M · 20 steps · guidance 5");
	expect(summary("Sampling", { steps: 8, eta: 0.3 })).toBe(
		"DPM++ 2M · 8 steps · guidance 5 · eta 0.3",
	);
	expect(summary("Text", {})).toBe("default");
	expect(summary("Text", { clipSkip: 1, longPrompts: true })).toBe(
		"clip skip 1 · long prompts",
	);
});

test("every option of the server's schema is asked for as its type wants", () => {
	const { properties = {} } = requestSchema();
	const kindOf = (name: string, more = {}) =>
		fieldKind(
			{ ...note(name), metavar: "x", ...more },
			properties[name] as Parameters<typeof fieldKind>[1],
		)?.kind;
	expect(kindOf("steps")).toBe("number");
	expect(kindOf("sampler")).toBe("choice");
	expect(kindOf("schedule")).toBe("choice");
	expect(kindOf("longPrompts")).toBe("flag");
	expect(kindOf("negativePrompt")).toBe("text");
	expect(kindOf("seed")).toBe("text");
	expect(kindOf("initImage", { picture: true })).toBe("picture");
	// what the page asks for in its own way, and what no form can say
	expect(kindOf("keySteps")).toBeUndefined();
	expect(kindOf("schedulerConfig")).toBeUndefined();
});

test("a field's text becomes the option's value; none is the default", () => {
	const number = { kind: "number", whole: true } as const;
	const text = { kind: "text", long: false } as const;
	expect(valueOfText(number, "steps", "12")).toBe(12);
	expect(valueOfText(number, "steps", "")).toBeUndefined();
	expect(valueOfText(text, "seed", "18446744073709551615")).toBe(
		"18446744073709551615",
	);
	expect(valueOfText(text, "seed", "seven")).toBeUndefined();
});
