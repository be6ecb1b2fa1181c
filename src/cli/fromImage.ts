import { ofOption } from "../errors/ofOption.js";
import { UserError } from "../errors/userError.js";
import { readParameters } from "../image/nodeImageFile.js";
import {
	optionsFromParameters,
	type ParametersOfImage,
} from "../pipeline/imageParameters.js";
import {
	EMBEDDED_MODEL,
	embeddedLoras,
} from "../weights/nodeEmbeddedModels.js";
import { flagOf } from "./failure.js";
import type { GenerationFlags } from "./generationFlags.js";

/**
 * What a picture's text says of how it was made.
 * @throws UserError when it carries none
 */
export async function optionsOfImage(
	file: string,
	{ loras, loraDir, model }: GenerationFlags,
): Promise<ParametersOfImage> {
	const text = await ofOption("fromImage", () => readParameters(file));
	if (!text?.trim())
		throw new UserError(
			`--from-image ${file}: this image carries no parameters; give a prompt instead`,
			{ code: "usage" },
		);
	const own =
		model === undefined || model === EMBEDDED_MODEL
			? await embeddedLoras()
			: {};
	return optionsFromParameters(text, {
		findsLora: (name) =>
			loras !== undefined || loraDir !== undefined || Object.hasOwn(own, name),
	});
}

/** What the options are that a picture's text cannot hold. */
const MADE_FROM: Readonly<Record<string, string>> = {
	initialNoise: "noise that was given",
	initImage: "a picture",
	mask: "a mask",
	controlImage: "pictures for control nets",
	loras: "LoRAs",
	embeddings: "textual inversions",
};

/**
 * @param said the flags by the names of their options
 * @throws UserError that names what a picture was made from that is to be given anew, and was not
 */
export function expectGiven(
	file: string | undefined,
	{ given, controlNets = [] }: ParametersOfImage,
	said: Readonly<Record<string, unknown>>,
): void {
	const madeFrom: Readonly<Record<string, string>> = {
		...MADE_FROM,
		controlnet: `the control net${controlNets.length > 1 ? "s" : ""} ${controlNets.join(", ")}`,
	};
	const missing = [
		...given,
		...(controlNets.length > 0 ? ["controlnet"] : []),
	].filter((name) => said[name] === undefined);
	if (missing.length === 0) return;
	const what = missing.map(
		(name) => madeFrom[name] ?? "more than its text says",
	);
	throw new UserError(
		`--from-image ${file}: made from ${what.join(" and ")}; give ${missing.length > 1 ? "them" : "it"} again with ${missing.map(flagOf).join(" and ")}`,
		{ code: "usage" },
	);
}
