import { ofOption } from "../../errors/ofOption.js";
import { UserError } from "../../errors/userError.js";
import { foreignFile, headLength } from "../../files/foreignFile.js";
import type { SingleFileSources } from "../checkpoint/singleFile.js";
import { clipTokenizerFolder } from "../clipTokenizer.js";
import { openDiffusersFolder } from "../folder/diffusersFolder.js";
import type { ModelFiles } from "../folder/modelFiles.js";
import type { ModelFolder } from "../formats/modelFolder.js";
import { clipMergesUrl } from "./embeddedModel.js";
import {
	type GivenFiles,
	type GivenOptions,
	givenFiles,
} from "./givenFiles.js";
import type { WebModelSource } from "./modelSource.js";
import type { OpenWebModelOptions } from "./openWebModel.js";
import { fetched } from "./remoteFile.js";
import { filesOfModel, TOKENIZER_FILES } from "./remoteModel.js";

/**
 * The files of a model that a page names or its user picked: a diffusers folder, or a checkpoint of one file.
 * @throws UserError when it cannot be had or is malformed; what `check` throws
 */
export async function openGivenModel(
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
