import { ofOption } from "../../errors/ofOption.js";
import { UserError } from "../../errors/userError.js";
import { foreignFile, headLength } from "../../files/foreignFile.js";
import type { SingleFileSources } from "../checkpoint/singleFile.js";
import { clipTokenizerFolder } from "../clipTokenizer.js";
import { openDiffusersFolder } from "../folder/diffusersFolder.js";
import type { ModelFiles } from "../folder/modelFiles.js";
import type { WeightChoice } from "../folder/weightFileNames.js";
import type { ModelFolder } from "../formats/modelFolder.js";
import { modelHash } from "../modelHash.js";
import { clipMergesUrl, embeddedModelUrls } from "./embeddedModel.js";
import {
	fetchedFolder,
	type GivenFiles,
	type GivenOptions,
	givenFiles,
} from "./givenFiles.js";
import type { WebModelSource } from "./modelSource.js";
import { fetched } from "./remoteFile.js";
import { filesOfModel, TOKENIZER_FILES } from "./remoteModel.js";

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
			: await openedModel(source, options);
	return { ...files, hash: await modelHash(files.networks.unet.weights) };
}

async function openedModel(
	source: WebModelSource,
	{ check, ...options }: OpenWebModelOptions,
): Promise<Omit<ModelFiles, "hash">> {
	const { variant, dtype } = options;
	const given = await givenFiles(
		source,
		{
			as: [variant, dtype].filter(Boolean).join(" "),
			choose: (folder) => filesOfModel(folder, options),
		},
		options,
	);
	const texts =
		given.single === undefined ? undefined : await checkpointTexts(options);
	const opened = (folder: ModelFolder) =>
		texts === undefined
			? openDiffusersFolder(folder, options)
			: checkpoint(given, folder, texts);
	const looked = await opened(given.folder);
	await check?.(looked);
	const folder = await given.fetch();
	return folder === given.folder ? looked : opened(folder);
}

/** The embedded model, told apart from a page that a server gives for whatever is asked. */
async function embeddedFolder(options: GivenOptions): Promise<ModelFolder> {
	const files = Object.entries(embeddedModelUrls).map(([path, { href }]) => ({
		path,
		url: href,
	}));
	const [index] = files;
	try {
		const response = await fetched(index.url, options);
		await response.json();
	} catch (cause) {
		throw new UserError(
			`the model that comes with the package is not beside this bundle (${index.url}): put models/emoji of the package on your server and give its address as the model`,
			{ code: "not_found", cause },
		);
	}
	return fetchedFolder("emoji", files, options);
}

async function checkpoint(
	{ label, single = label }: GivenFiles,
	folder: ModelFolder,
	texts: SingleFileSources,
): Promise<Omit<ModelFiles, "hash">> {
	const file = { ...(await folder.open(single)), label: single };
	if (!/\.safetensors$/i.test(single)) {
		const foreign = foreignFile(await file.read(0, headLength));
		throw new UserError(
			`${single} is no model${foreign ? `: it is ${foreign}` : ""}; a checkpoint's name ends with .safetensors`,
			{ code: "invalid_input" },
		);
	}
	const { openSingleFile } = await import("../checkpoint/singleFile.js");
	return openSingleFile(file, texts);
}

/** What a checkpoint of one file has not in it. */
async function checkpointTexts(
	options: OpenWebModelOptions,
): Promise<SingleFileSources> {
	const { config, tokenizer } = options;
	const folder = (option: string, source: WebModelSource, wanted: string[]) =>
		ofOption(option, () => textsOf(source, wanted, options));
	return {
		...(config && { config: await folder("config", config, CONFIG_FILES) }),
		...(tokenizer && {
			tokenizer: await folder("tokenizer", tokenizer, TOKENIZER_PATHS),
		}),
		clipTokenizers: [
			clipTokenizerFolder(async () => {
				const url = options.clipMerges ?? clipMergesUrl.href;
				const response = await fetched(url, options);
				return new Uint8Array(await response.arrayBuffer());
			}),
		],
	};
}

const TOKENIZER_PATHS = ["tokenizer/", ""].flatMap((prefix) =>
	[...TOKENIZER_FILES, "tokenizer.json"].map((name) => prefix + name),
);
const CONFIG_FILES = [
	"scheduler/scheduler_config.json",
	...["unet", "vae", "text_encoder"].map((name) => `${name}/config.json`),
	...TOKENIZER_PATHS,
];

/** A folder of which only texts are wanted. */
async function textsOf(
	source: WebModelSource,
	wanted: readonly string[],
	options: GivenOptions,
): Promise<ModelFolder> {
	const given = await givenFiles(
		source,
		{
			as: "texts",
			async choose(folder) {
				const there = await folder.paths(wanted);
				return wanted
					.filter((path) => there.has(path))
					.map((path) => folder.file(path));
			},
		},
		{ ...options, revision: undefined },
	);
	return given.fetch();
}
