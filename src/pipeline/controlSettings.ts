import { OptionError } from "../errors/optionError.js";
import type { PixelImage } from "../image/pixelImage.js";
import type { CONTROL_OPTIONS } from "./controlOptions.js";
import type { ModelDefaults } from "./modelDefaults.js";
import type { GenerateOptions } from "./options.js";

/** What a control net is shown, all checked. */
export interface ControlSettings {
	readonly image: PixelImage;
	readonly scale: number;
	/** Shares of the steps between which it acts. */
	readonly start: number;
	readonly end: number;
	/** Thresholds of the edges that it is shown in place of the picture. */
	readonly edges?: readonly [low: number, high: number];
}

type GivenControls = Pick<GenerateOptions, keyof typeof CONTROL_OPTIONS>;

/**
 * Checks what was given for control nets.
 * @throws OptionError that names the option
 */
export function controlSettings(
	given: GivenControls,
	{ controlNets: count = 0 }: Pick<ModelDefaults, "controlNets">,
): ControlSettings[] {
	const images =
		given.controlImage === undefined ? [] : [given.controlImage].flat();
	if (count === 0 && images.length > 0)
		throw new OptionError(
			"controlImage",
			"there is no control net to show it to; name one, as controlnet, when the model is loaded",
		);
	if (images.length !== count)
		throw new OptionError(
			"controlImage",
			`there are ${images.length} pictures for ${count} control net${count === 1 ? "" : "s"}; give one for each, in their order`,
		);
	const each = <Value>(
		option: keyof GivenControls,
		value: Value | readonly Value[],
	) => {
		if (!isList(value)) return images.map(() => value);
		if (value.length === 1) return images.map(() => value[0]);
		if (value.length === count) return value;
		throw new OptionError(
			option,
			`there are ${value.length} values for ${count} control nets; give one for all, or one for each`,
		);
	};
	const scales = each("controlScale", given.controlScale ?? 1);
	const starts = each("controlStart", given.controlStart ?? 0);
	const ends = each("controlEnd", given.controlEnd ?? 1);
	const edges = each<EdgeOption>(
		"controlEdges",
		isPair(given.controlEdges)
			? [given.controlEdges]
			: (given.controlEdges ?? "none"),
	);
	return images.map((image, n) => {
		if (starts[n] >= ends[n])
			throw new OptionError(
				"controlStart",
				`${starts[n]} is not before the end, ${ends[n]}`,
			);
		const thresholds = edges[n];
		if (thresholds !== "none" && thresholds[0] > thresholds[1])
			throw new OptionError(
				"controlEdges",
				`the low threshold, ${thresholds[0]}, is above the high one, ${thresholds[1]}`,
			);
		return {
			image,
			scale: scales[n],
			start: starts[n],
			end: ends[n],
			...(thresholds !== "none" && { edges: thresholds }),
		};
	});
}

type EdgeOption = "none" | readonly [number, number];

function isPair(value: unknown): value is readonly [number, number] {
	return Array.isArray(value) && typeof value[0] === "number";
}

function isList<Value>(
	value: Value | readonly Value[],
): value is readonly Value[] {
	return Array.isArray(value);
}
