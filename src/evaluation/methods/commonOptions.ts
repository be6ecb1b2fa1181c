import {
	GENERATION_OPTIONS,
	type GenerateOptions,
} from "../../pipeline/options.js";

/** Options that a run's definition names only where they were given: what is left out is as it was before there was the option. */
export const optionalFields = {
	clipSkip: GENERATION_OPTIONS.clipSkip.schema.optional(),
	predictionType: GENERATION_OPTIONS.predictionType.schema.optional(),
	promptWeighting: GENERATION_OPTIONS.promptWeighting.schema.optional(),
	longPrompts: GENERATION_OPTIONS.longPrompts.schema.optional(),
	tiledDecoding: GENERATION_OPTIONS.tiledDecoding.schema.optional(),
};

/** Options that are the same for all methods of a run; methods decide the others. */
export const COMMON_OPTIONS = [
	"width",
	"height",
	"guidanceScale",
	"negativePrompt",
	"rng",
	...(Object.keys(optionalFields) as (keyof typeof optionalFields)[]),
] as const;

/** What is the same for all methods of a run. */
export type CommonOptions = Pick<
	GenerateOptions,
	(typeof COMMON_OPTIONS)[number]
>;

/** The values among `options` that have one of the names and are given. */
export function givenOf<T extends object, Name extends keyof T>(
	options: T,
	names: readonly Name[],
): Pick<T, Name> {
	return Object.fromEntries(
		names.flatMap((name) =>
			options[name] === undefined ? [] : [[name, options[name]]],
		),
	) as Pick<T, Name>;
}
