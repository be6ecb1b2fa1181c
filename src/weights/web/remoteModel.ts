import { UserError } from "../../errors/userError.js";
import { parsedJson } from "../../files/parsedJson.js";
import {
	networkFolders,
	networkNames,
	type WeightChoice,
} from "../folder/weightFileNames.js";
import { isSafePath, neededFiles } from "../hub/hubFiles.js";
import type { RemoteFile } from "./remoteFile.js";
import {
	type RemoteFolder,
	type RemoteOptions,
	textIfThere,
} from "./remoteFolder.js";

const CONFIGS = [
	"model_index.json",
	"scheduler/scheduler_config.json",
	...networkNames.map((name) => `${name}/config.json`),
];
/** Files of a tokenizer, wherever it lies. */
export const TOKENIZER_FILES = [
	"vocab.json",
	"merges.txt",
	"tokenizer_config.json",
	"special_tokens_map.json",
	"added_tokens.json",
];
const OPTIONAL = [
	"generation_config.json",
	"latent_colours.json",
	...TOKENIZER_FILES.map((name) => `tokenizer/${name}`),
];

/**
 * The files of a diffusers model in a folder on a server.
 * @throws UserError when it holds none
 */
export async function filesOfModel(
	folder: RemoteFolder,
	options: RemoteOptions & WeightChoice,
): Promise<RemoteFile[]> {
	const paths = folder.listed
		? await listedPaths(folder, options)
		: await foundPaths(folder, options);
	return paths.map((path) => folder.file(path));
}

async function listedPaths(
	folder: RemoteFolder,
	options: WeightChoice,
): Promise<string[]> {
	const files = [...(await folder.paths([]))].map((path) => ({
		path,
		size: undefined,
		etag: undefined,
	}));
	return neededFiles({ commit: "", files }, folder.name, options).map(
		({ path }) => path,
	);
}

/** By looking for the files that such folders have. */
async function foundPaths(
	folder: RemoteFolder,
	options: RemoteOptions & WeightChoice,
): Promise<string[]> {
	const [index] = CONFIGS;
	if (!(await folder.paths([index])).has(index))
		throw new UserError(
			`${folder.file(index).url} is not there: the address of a model is that of a diffusers folder, or of a .safetensors checkpoint`,
			{ code: "not_found" },
		);
	const found = await folder.paths(OPTIONAL);
	const paths = [...CONFIGS, ...OPTIONAL.filter((path) => found.has(path))];
	if (!found.has("tokenizer/vocab.json"))
		paths.push("tokenizer/tokenizer.json");
	const { variant, dtype } = options;
	const wishes = new Set([variant, dtype, "", "fp16"]);
	for (const network of networkNames)
		paths.push(...(await weightsOf(network, wishes, folder, options)));
	return paths;
}

/** The weight files of one network: in one file, or in shards with their index. */
async function weightsOf(
	network: keyof typeof networkFolders,
	wishes: ReadonlySet<string | undefined>,
	folder: RemoteFolder,
	options: RemoteOptions,
): Promise<string[]> {
	const stem = `${network}/${networkFolders[network].stem}`;
	for (const wish of wishes) {
		if (wish === undefined || wish === "fp32") continue;
		const file = `${stem}${wish && `.${wish}`}.safetensors`;
		if ((await folder.paths([file])).has(file)) return [file];
		const index = `${stem}.safetensors.index${wish && `.${wish}`}.json`;
		const text = await textIfThere(folder.file(index).url, options);
		const json = parsedJson(text ?? "") as
			| { weight_map?: Record<string, string> }
			| undefined;
		if (json?.weight_map)
			return [
				index,
				...[...new Set(Object.values(json.weight_map))]
					.map((shard) => `${network}/${shard}`)
					.filter(isSafePath),
			];
	}
	throw new UserError(
		`${folder.file(`${stem}.safetensors`).url} is not there: the folder has no weights of its ${network}`,
		{ code: "not_found" },
	);
}
