import { UserError } from "../../errors/userError.js";
import { isPickle } from "../folder/weightFileNames.js";
import type { ModelFolder } from "../formats/modelFolder.js";
import { safetensorsWeights } from "../formats/safetensorsWeights.js";
import type { ReadableFile } from "../formats/weightFile.js";
import type { OpenedPart } from "../parts/openedPart.js";
import {
	type PartChoice,
	partOfFolder,
	pathsOfPart,
	possiblePathsOfPart,
} from "../parts/partFolder.js";
import { type GivenOptions, givenFiles } from "./givenFiles.js";
import type { WebModelSource } from "./modelSource.js";

/** A network beside a model, which can be looked at before it is fetched. */
export interface GivenPart {
	readonly looked: OpenedPart;
	fetch(): Promise<OpenedPart>;
}

/**
 * One network: a diffusers folder of it (or, with `within`, of a whole model that has one) or a safetensors file, from wherever a page can
 * have it.
 * @throws UserError when it is neither, or cannot be had
 */
export async function openWebPart(
	source: WebModelSource,
	options: GivenOptions & PartChoice,
): Promise<GivenPart> {
	const { within, variant } = options;
	const given = await givenFiles(
		source,
		{
			as: ["part", within, variant].filter(Boolean).join(" "),
			async choose(folder) {
				const paths = await folder.paths(possiblePathsOfPart(options));
				return pathsOfPart([...paths], folder.name, options).map((path) =>
					folder.file(path),
				);
			},
		},
		options,
	);
	const opened = async (folder: ModelFolder) =>
		given.single === undefined
			? partOfFolder(folder, options)
			: {
					label: given.label,
					weights: await safetensorsWeights(
						await safetensorsFile(folder, given.single),
						given.label,
					),
				};
	const looked = await opened(given.folder);
	return {
		looked,
		async fetch() {
			const folder = await given.fetch();
			return folder === given.folder ? looked : opened(folder);
		},
	};
}

/** @throws UserError when it is a pickle */
export async function safetensorsFile(
	folder: ModelFolder,
	path: string,
): Promise<ReadableFile> {
	if (isPickle(path))
		throw new UserError(
			`${path} is a pickle (.bin, .pt, .pth): browsers read .safetensors alone; convert it in Python with safetensors.torch.save_file`,
			{ code: "unsupported" },
		);
	return { ...(await folder.open(path)), label: path };
}
