import type { OptionNote, PictureOptions } from "../pictureSource.js";
import { samplerLabel, titleOf } from "./fieldKind.js";

/** What a closed section says of its values. */
export interface SummaryBasis {
	/** Its options. */
	readonly options: readonly OptionNote[];
	/** What was given. */
	readonly given: PictureOptions;
	/** The value of an option, given or by default. */
	readonly settingOf: (name: string) => unknown;
}

/** Settings that are worth seeing though nobody changed them. */
const ALWAYS: Readonly<
	Record<string, (settingOf: SummaryBasis["settingOf"]) => readonly string[]>
> = {
	Picture: (settingOf) => [
		`${settingOf("width")} × ${settingOf("height")}`,
		`seed ${settingOf("seed") ?? "random"}`,
	],
	Sampling: (settingOf) => [
		samplerLabel(String(settingOf("sampler"))),
		`${settingOf("steps")} steps`,
		`guidance ${settingOf("guidanceScale")}`,
	],
	"Encoder propagation": (settingOf) => [
		Number(settingOf("injectNoise")) > 0
			? `noise ${settingOf("injectNoise")} below t ${1000 * Number(settingOf("injectUntil"))}`
			: "no noise injected",
	],
};
/** They are in the line already, or seen elsewhere. */
const SAID = new Set([
	"prompt",
	"keySteps",
	"width",
	"height",
	"seed",
	"sampler",
	"steps",
	"guidanceScale",
	"injectNoise",
	"injectUntil",
]);

/** A section's values in a line: "DPM++ 2M · 20 steps · guidance 5". */
export function sectionSummary(
	group: string,
	{ options, given, settingOf }: SummaryBasis,
): string {
	const always = ALWAYS[group]?.(settingOf) ?? [];
	const changed = options.flatMap(({ name, picture }) => {
		const value = given[name];
		if (SAID.has(name) || value === undefined) return [];
		const title = titleOf(name).toLowerCase();
		if (picture) return [`with ${name === "mask" ? "a mask" : "a picture"}`];
		if (typeof value === "boolean") return value ? [title] : [`no ${title}`];
		if (name === "negativePrompt") return [`not: ${String(value)}`];
		return typeof value === "object" ? [title] : [`${title} ${String(value)}`];
	});
	const words = [...always, ...changed];
	return words.length > 0 ? words.join(" · ") : "default";
}
