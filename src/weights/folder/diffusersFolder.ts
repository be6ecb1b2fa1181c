import * as z from "zod";
import { shorten } from "../../errors/shorten.js";
import { UserError } from "../../errors/userError.js";
import type { TokenizerFiles } from "../../tokenizer/loadTokenizer.js";
import { type ModelFolder, readJson } from "../formats/modelFolder.js";
import { type ModelFiles, modelFiles } from "./modelFiles.js";
import { loadNetworkWeights } from "./networkWeights.js";
import { partAlone } from "./partAlone.js";
import {
	chooseWeights,
	networkFolders,
	networkNames,
	recordOf,
	tokenizerFolders,
	tokenizerNames,
	type WeightChoice,
} from "./weightFileNames.js";

const layout =
	"a diffusers folder has model_index.json, scheduler/, tokenizer/, text_encoder/, unet/ and vae/";

const component = z.tuple([z.string().nullable(), z.string().nullable()]);
const parts = { ...networkFolders, ...tokenizerFolders };
const modelIndex = z.looseObject({
	_class_name: z.string(),
	scheduler: component,
	...(Object.fromEntries(
		Object.keys(parts).map((name) => [name, component]),
	) as Record<keyof typeof parts, typeof component>),
});

/**
 * The networks, tokenizer and scheduler of a diffusers folder (without `hash`, see `modelHash`). Only headers of weights are read.
 * @throws UserError that names the file that is missing or wrong and says what the folder should have.
 */
export async function openDiffusersFolder(
	folder: ModelFolder,
	choice: WeightChoice = {},
): Promise<Omit<ModelFiles, "hash">> {
	await checkModelIndex(folder);
	for (const path of [
		...networkNames.map((name) => `${name}/config.json`),
		"scheduler/scheduler_config.json",
	])
		if (!folder.paths.has(path))
			throw new UserError(`${folder.label}/${path} is missing: ${layout}`);
	const chosen = chooseWeights(folder.paths, folder.label, choice);
	const networks = await recordOf(networkNames, async (name) => ({
		config: await readJson(folder, `${name}/config.json`),
		weights: await loadNetworkWeights(folder, name, chosen[name]),
	}));
	return modelFiles({
		label: folder.label,
		...(folder.path !== undefined && { folder: folder.path }),
		networks,
		tokenizers: await recordOf(tokenizerNames, (name) =>
			readTokenizerTexts(folder, `${name}/`),
		),
		scheduler: {
			config: await readJson(folder, "scheduler/scheduler_config.json"),
		},
		...(folder.paths.has("generation_config.json") && {
			generationConfig: await readJson(folder, "generation_config.json"),
		}),
		...(folder.paths.has("latent_colours.json") && {
			latentColours: await readJson(folder, "latent_colours.json"),
		}),
	});
}

/** Whether a folder has what tells a diffusers folder. */
export function isDiffusersFolder(folder: ModelFolder): boolean {
	return folder.paths.has("model_index.json");
}

async function checkModelIndex(folder: ModelFolder): Promise<void> {
	const label = `${folder.label}/model_index.json`;
	if (!isDiffusersFolder(folder)) {
		const alone = partAlone(folder.paths);
		if (alone)
			throw new UserError(
				`${folder.label} is ${alone}, not a whole model: it is used beside one`,
				{ code: "unsupported" },
			);
		const checkpoint = [...folder.paths].find((path) =>
			/^[^/]+\.safetensors$/.test(path),
		);
		throw new UserError(
			`${label} is missing: ${layout}${checkpoint ? `; for a single-file checkpoint name the file itself (${folder.label}/${checkpoint})` : ""}`,
		);
	}
	const json = await readJson(folder, "model_index.json");
	const kind = z.looseObject({ _class_name: z.string() }).safeParse(json);
	const index = modelIndex.safeParse(json);
	if (!index.success)
		throw new UserError(
			kind.success
				? `${label} is of a ${shorten(kind.data._class_name)}: only Stable Diffusion 1.x and 2.x models (UNet, CLIP text encoder, VAE) are supported`
				: `${label} does not say which pipeline the model is (_class_name)`,
		);
	for (const [name, { classes }] of Object.entries(parts)) {
		const known: readonly string[] = classes;
		const [, found] = index.data[name as keyof typeof parts];
		if (!found || !known.includes(found))
			throw new UserError(
				`${label} has ${shorten(String(found))} as ${name}: only ${known.join(" or ")} is supported (Stable Diffusion 1.x and 2.x)`,
			);
	}
	if (index.data.text_encoder_2)
		throw new UserError(
			`${label} has a second text encoder (${shorten(index.data._class_name)}): only Stable Diffusion 1.x and 2.x are supported`,
		);
}

/**
 * The texts of a CLIP tokenizer at `prefix` ("tokenizer/" or ""): vocab.json and merges.txt, else tokenizer.json.
 * @throws UserError when neither is there.
 */
export async function readTokenizerTexts(
	folder: ModelFolder,
	prefix: string,
): Promise<TokenizerFiles> {
	const text = (name: string) => folder.readText(prefix + name);
	const optional = async (key: string, name: string) =>
		folder.paths.has(prefix + name) ? { [key]: await text(name) } : {};
	const others = {
		...(await optional("config", "tokenizer_config.json")),
		...(await optional("specialTokens", "special_tokens_map.json")),
		...(await optional("addedTokens", "added_tokens.json")),
	};
	if (hasVocabulary(folder, prefix))
		return {
			vocab: await text("vocab.json"),
			merges: await text("merges.txt"),
			...others,
		};
	if (folder.paths.has(`${prefix}tokenizer.json`))
		return { tokenizerJson: await text("tokenizer.json"), ...others };
	throw new UserError(
		`${folder.label}/${prefix} has no tokenizer: vocab.json with merges.txt, or tokenizer.json, is missing`,
	);
}

function hasVocabulary(folder: ModelFolder, prefix: string): boolean {
	return (
		folder.paths.has(`${prefix}vocab.json`) &&
		folder.paths.has(`${prefix}merges.txt`)
	);
}

/** Whether tokenizer texts are to be had at `prefix`. */
export function hasTokenizer(folder: ModelFolder, prefix: string): boolean {
	return (
		hasVocabulary(folder, prefix) || folder.paths.has(`${prefix}tokenizer.json`)
	);
}
