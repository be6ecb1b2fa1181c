import { UserError } from "../../errors/userError.js";
import { openDiffusersFolder } from "../folder/diffusersFolder.js";
import type { ModelFiles } from "../folder/modelFiles.js";
import type { WeightChoice } from "../folder/weightFileNames.js";
import type { ModelFolder } from "../formats/modelFolder.js";
import { modelHash } from "../modelHash.js";
import { blobFolder } from "./blobFolder.js";
import { embeddedModelUrls } from "./embeddedModel.js";
import { type FetchFilesOptions, fetchFiles } from "./fetchFiles.js";
import type { GivenOptions } from "./givenFiles.js";
import { memoryShelf } from "./modelShelf.js";
import type { WebModelSource } from "./modelSource.js";
import { fetched, withSizes } from "./remoteFile.js";

/** How a model is opened in a browser. */
export interface OpenWebModelOptions extends GivenOptions, WeightChoice {
	/** Where CLIP's merges are, for checkpoints of one file. Default: where the bundler put them. */
	readonly clipMerges?: string;
	/** Checkpoints of one file: a folder with the tokenizer's files (or with a `tokenizer/` folder). */
	readonly tokenizer?: WebModelSource;
	/** Checkpoints of one file: a diffusers folder whose configs (and tokenizer) are taken instead of being inferred. */
	readonly config?: WebModelSource;
	/** Looks at the model before its weights are fetched; throws where it cannot be used. */
	readonly check?: (files: Omit<ModelFiles, "hash">) => Promise<void> | void;
}

/**
 * The files of a model from wherever a page can have it. What comes from a server is looked at first (configs, and the headers of its
 * weights), then fetched.
 * @throws UserError when it cannot be had, is malformed, or `check` refuses it.
 */
export async function openWebModel(
	source: WebModelSource | undefined,
	options: OpenWebModelOptions = {},
): Promise<ModelFiles> {
	const files =
		source === undefined
			? await openDiffusersFolder(await embeddedFolder(options), options)
			: await (await import("./openGivenModel.js")).openGivenModel(
					source,
					options,
				);
	return { ...files, hash: await modelHash(files.networks.unet.weights) };
}

/** The embedded model, told apart from a page that a server gives for whatever is asked. */
async function embeddedFolder(
	options: FetchFilesOptions,
): Promise<ModelFolder> {
	const files = Object.entries(embeddedModelUrls).map(([path, { href }]) => ({
		path,
		url: href,
	}));
	const [index] = files;
	try {
		const response = await fetched(index.url, options);
		await response.json();
	} catch (cause) {
		// no network, or nobody waits for it any more
		if (
			(cause as UserError).code !== "not_found" &&
			!(cause instanceof SyntaxError)
		)
			throw cause;
		throw new UserError(
			`the model that comes with the package is not beside this bundle (${index.url}): put models/emoji of the package on your server and give its address as the model`,
			{ code: "not_found", cause },
		);
	}
	// the browser's cache keeps what comes with the page
	const blobs = await fetchFiles(
		"emoji",
		await withSizes(files, options),
		memoryShelf(),
		options,
	);
	return blobFolder("emoji", blobs);
}
