import { UserError } from "../../errors/userError.js";
import {
	loadNetworkWeights,
	openNetworkWeights,
} from "../folder/networkWeights.js";
import { type ModelFolder, readJson } from "../formats/modelFolder.js";
import type { OpenedPart } from "./openedPart.js";

/** Which network of a folder is meant, and which of its files. */
export interface PartChoice {
	/** The folder of a whole model that it is taken from: "vae". */
	readonly within?: "vae";
	/** Weight files to take where there are several, such as "fp16". */
	readonly variant?: string;
}

/** What the weights of one network are called in diffusers' folders. */
const stem = "diffusion_pytorch_model";

/**
 * The network of a diffusers folder of it (or, with `within`, of a whole model that has one).
 * @throws UserError when the folder has none, or it is malformed.
 */
export async function partOfFolder(
	folder: ModelFolder,
	choice: PartChoice,
): Promise<OpenedPart> {
	const [config, weights] = pathsOfPart(
		[...folder.paths],
		folder.label,
		choice,
	);
	const { label } = folder;
	return {
		label,
		config: await readJson(folder, config),
		weights: {
			...(choice.within
				? await loadNetworkWeights(folder, choice.within, {
						path: weights,
						sharded: false,
						variant: "",
					})
				: await openNetworkWeights(folder, weights)),
			label,
		},
	};
}

/**
 * The paths of a network's config and of its weights.
 * @throws UserError when one of them is not there.
 */
export function pathsOfPart(
	paths: readonly string[],
	label: string,
	choice: PartChoice,
): [config: string, weights: string] {
	const { within } = choice;
	const folder =
		within && paths.includes(`${within}/config.json`) ? `${within}/` : "";
	const weights = weightNames(choice)
		.map((name) => folder + name)
		.find((name) => paths.includes(name));
	const config = `${folder}config.json`;
	if (weights && paths.includes(config)) return [config, weights];
	throw new UserError(
		`${label} has no ${weights ? config : `${folder}${stem}.safetensors`}: it is no diffusers folder of ${within === "vae" ? "an autoencoder" : "one network"}; a single file is given by its own name`,
	);
}

/** Every path that a network's files may have. */
export function possiblePathsOfPart(choice: PartChoice): string[] {
	const names = ["config.json", ...weightNames(choice)];
	const { within } = choice;
	return within
		? [...names.map((name) => `${within}/${name}`), ...names]
		: names;
}

function weightNames({ variant }: PartChoice): string[] {
	return [
		...(variant ? [`${stem}.${variant}.safetensors`] : []),
		`${stem}.safetensors`,
		`${stem}.fp16.safetensors`,
	];
}
