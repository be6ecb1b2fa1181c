import type { GenerateOptions, SettledOptions } from "./options.js";

/** A1111's key of a control net's settings. */
const UNIT = /^ControlNet (\d)$/;

/** The settings of control nets as A1111's extension writes them, a key a net: `ControlNet 0: "Module: canny, Model: …, Weight: 1, …"`. */
export function controlParameters(
	{
		controlImage,
		controlScale = 1,
		controlStart = 0,
		controlEnd = 1,
		controlEdges = "none",
	}: SettledOptions,
	names: readonly string[],
): [string, string][] {
	if (controlImage === undefined) return [];
	const of = <Value>(value: Value | readonly Value[], n: number) =>
		Array.isArray(value)
			? (value as readonly Value[])[value.length === 1 ? 0 : n]
			: (value as Value);
	return [controlImage].flat().map((_, n) => {
		const edges =
			Array.isArray(controlEdges) && typeof controlEdges[0] === "number"
				? controlEdges
				: of(controlEdges as "none", n);
		const items = {
			Module: edges === "none" ? "none" : "canny",
			// a path's last part only: an image must not tell where its maker keeps his files
			Model: (names[n] ?? "").split(/[\\/]/).at(-1)?.replaceAll(/[,:"]/g, "_"),
			Weight: of(controlScale, n),
			...(edges !== "none" && {
				"Threshold A": edges[0],
				"Threshold B": edges[1],
			}),
			"Guidance Start": of(controlStart, n),
			"Guidance End": of(controlEnd, n),
			"Control Mode": "Balanced",
		};
		return [
			`ControlNet ${n}`,
			Object.entries(items)
				.map(([key, value]) => `${key}: ${value}`)
				.join(", "),
		];
	});
}

/**
 * Takes the settings of control nets out of a picture's parameters.
 * @returns the options that they say and what the nets are called, where there are any, and the other settings
 */
export function withoutControls(settings: ReadonlyMap<string, string>): {
	readonly controls?: Pick<
		GenerateOptions,
		"controlScale" | "controlStart" | "controlEnd" | "controlEdges"
	>;
	readonly names?: readonly string[];
	readonly settings: ReadonlyMap<string, string>;
} {
	const others = new Map(settings);
	const units: ReadonlyMap<string, string>[] = [];
	for (const [key, text] of settings) {
		if (!UNIT.test(key)) continue;
		const unit = new Map(
			text.split(/, (?=[A-Z])/).map((item) => {
				const at = item.indexOf(": ");
				return [item.slice(0, at), item.slice(at + 2)] as const;
			}),
		);
		// what cannot be read is left to be named as left out
		if (!numberOf(unit, "Weight", 1, 10)) continue;
		others.delete(key);
		units.push(unit);
	}
	if (units.length === 0) return { settings };
	const numbers = (key: string, usual: number, most: number) =>
		units.map((unit) => numberOf(unit, key, usual, most)?.value ?? usual);
	const edges = units.map((unit): "none" | [number, number] =>
		unit.get("Module") === "canny"
			? [
					numberOf(unit, "Threshold A", 100, 10_000)?.value ?? 100,
					numberOf(unit, "Threshold B", 200, 10_000)?.value ?? 200,
				]
			: "none",
	);
	return {
		controls: {
			controlScale: numbers("Weight", 1, 10),
			controlStart: numbers("Guidance Start", 0, 1),
			controlEnd: numbers("Guidance End", 1, 1),
			...(edges.some((own) => own !== "none") && { controlEdges: edges }),
		},
		names: units.map((unit) => unit.get("Model") || "?"),
		settings: others,
	};
}

function numberOf(
	unit: ReadonlyMap<string, string>,
	key: string,
	usual: number,
	most: number,
): { readonly value: number } | undefined {
	const word = unit.get(key) ?? String(usual);
	const value = Number(word);
	return word.trim() !== "" && value >= 0 && value <= most
		? { value }
		: undefined;
}
