import { OptionError } from "../errors/optionError.js";
import { CONTROL_OPTIONS } from "./controlOptions.js";
import type { RunSettings } from "./runSettings.js";

/** Options of adapters and control nets: models are studied (tuned, analyzed) without any. */
export const NOT_STUDIED = [
	"loras",
	"embeddings",
	...(Object.keys(CONTROL_OPTIONS) as (keyof typeof CONTROL_OPTIONS)[]),
] as const;

/** Options of a pipeline that go with them. */
export const NOT_STUDIED_MODELS = ["controlnet", "loraDir"] as const;

/** @throws OptionError when a run has adapters or control nets, which a study would pass over */
export function checkStudied({
	options,
	loraTags,
}: Pick<RunSettings, "options" | "loraTags">): void {
	const refuse = (option: string): never => {
		throw new OptionError(option, "the model is studied without any");
	};
	for (const option of ["loras", "embeddings", "controlImage"] as const)
		if ([options[option] ?? []].flat().length > 0) refuse(option);
	if (loraTags.length > 0) refuse("prompt");
}
