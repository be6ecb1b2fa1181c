import { stat } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../errors/userError.js";
import { parseClipTextConfig } from "../models/clipConfig.js";
import { buildClipText } from "../models/clipText.js";
import { buildClipVision } from "../models/clipVision.js";
import { parseClipVisionConfig } from "../models/clipVisionConfig.js";
import { onnxRuntime } from "../runtime/onnxruntime/nodeOnnxRuntime.js";
import { openTogether } from "../runtime/openTogether.js";
import { intRows, type SessionOptions } from "../runtime/session.js";
import { assertFinite } from "../tensor/assertFinite.js";
import { concat, type Tensor } from "../tensor/tensor.js";
import { loadTokenizer } from "../tokenizer/loadTokenizer.js";
import { wordsBeyond } from "../tokenizer/wordsBeyond.js";
import { readTokenizerTexts } from "../weights/folder/diffusersFolder.js";
import { readJson } from "../weights/formats/modelFolder.js";
import {
	nodeModelFolder,
	openNodeWeightFile,
} from "../weights/formats/nodeModelFolder.js";
import { openWeightsFile } from "../weights/formats/nodeWeightsFile.js";
import { parseHubId } from "../weights/hub/hubId.js";
import { cachedSnapshot, hubSettings } from "../weights/hub/nodeHubCache.js";
import { pullHubModel } from "../weights/hub/nodeHubModel.js";
import { modelHash } from "../weights/modelHash.js";
import type { ClipModel } from "./clipModel.js";
import {
	parseClipPreprocessing,
	preprocessForClip,
} from "./clipPreprocessing.js";
import type { Features } from "./features.js";

/** Weights as transformers saves them, the first that is there. */
const weightNames = ["model.safetensors", "pytorch_model.bin"] as const;
const textNames = ["config.json", "preprocessor_config.json"] as const;

/**
 * Loads a CLIP model (transformers' CLIPModel: config.json, preprocessor_config.json, tokenizer, weights as
 * model.safetensors or pytorch_model.bin) from a folder or, through the standard cache, from the Hub.
 * @throws UserError when something is missing or malformed; the signal's reason when it is aborted.
 */
export async function openClipModel(
	where: string,
	options: SessionOptions & { readonly signal?: AbortSignal } = {},
): Promise<ClipModel> {
	const folder = await nodeModelFolder(
		await locate(where, options.signal),
		where,
	);
	for (const name of ["config.json"])
		if (!folder.paths.has(name))
			throw new UserError(
				`${where} is no CLIP model: ${name} is missing (a folder as transformers saves CLIPModel, or a Hub id such as openai/clip-vit-base-patch32)`,
			);
	const config = await readJson(folder, "config.json");
	const visionConfig = parseClipVisionConfig(config, `${where}/config.json`);
	const textConfig = parseClipTextConfig(config, `${where}/config.json`);
	const { imageSize } = visionConfig;
	const preprocessing = parseClipPreprocessing(
		folder.paths.has("preprocessor_config.json")
			? await readJson(folder, "preprocessor_config.json")
			: { size: imageSize, crop_size: imageSize },
		`${where}/preprocessor_config.json`,
	);
	if (preprocessing.crop !== imageSize)
		throw new UserError(
			`${where}: preprocessor_config.json crops to ${preprocessing.crop}, config.json asks for ${imageSize}`,
		);
	const tokenizer = loadTokenizer(
		await readTokenizerTexts(folder, ""),
		where,
		textConfig,
	);
	const file = weightNames.find((name) => folder.paths.has(name));
	if (!file)
		throw new UserError(`${where} has no weights: ${weightNames.join(" or ")}`);
	const opened = await folder.open(file);
	if (!("path" in opened.file)) throw new Error("a folder on disk has paths");
	const weights = await openWeightsFile(opened.file.path);
	const hash = await modelHash(weights, openNodeWeightFile);
	return openTogether(async (keep) => {
		const vision = keep(
			await onnxRuntime.createSession(
				buildClipVision(visionConfig, weights, { batch: 1 }),
				options,
			),
		);
		const text = keep(
			await onnxRuntime.createSession(
				buildClipText(
					textConfig,
					weights,
					{ projection: true },
					{ batch: 1, tokens: tokenizer.maxLength },
				),
				options,
			),
		);
		return {
			name: where,
			madeWith: `CLIP ${where} (weights ${hash})`,
			imageSize,
			async embedImages(images) {
				const pixels = images.map((image) => ({
					dims: [1, 3, imageSize, imageSize],
					data: preprocessForClip(image, preprocessing),
				}));
				const { image_embeds } = await vision.run({
					pixel_values: concat(pixels),
				});
				return features(
					`${where}: the CLIP embedding of a picture`,
					image_embeds,
				);
			},
			unread: (text) => wordsBeyond(text, tokenizer),
			async embedTexts(texts) {
				const ids = intRows(texts.map((caption) => tokenizer.encode(caption)));
				const { text_embeds } = await text.run({ input_ids: ids });
				return features(
					`${where}: the CLIP embedding of a caption`,
					text_embeds,
				);
			},
		};
	});
}

/** The model's folder on disk: as given, from the cache, or pulled into it. */
async function locate(where: string, signal?: AbortSignal): Promise<string> {
	if ((await stat(where).catch(() => undefined))?.isDirectory()) return where;
	const id = parseHubId(where);
	if (!id)
		throw new UserError(
			`${where} is neither a folder nor a Hub id such as openai/clip-vit-base-patch32`,
		);
	const { cacheFolder } = await hubSettings();
	const snapshot = await cachedSnapshot(cacheFolder, id);
	const has = (name: string) =>
		stat(join(snapshot ?? "", name)).then(
			() => true,
			() => false,
		);
	if (snapshot && (await has("config.json")))
		for (const name of weightNames) if (await has(name)) return snapshot;
	const tokenizer = ["vocab.json", "merges.txt"];
	let refusal: unknown;
	for (const name of weightNames)
		try {
			const include = [...textNames, ...tokenizer, name];
			return (await pullHubModel(id, { include, signal })).folder;
		} catch (error) {
			refusal ??= error;
			// Older repositories have only the second form of weights.
			if (!(error instanceof UserError && error.message.includes(name)))
				throw error;
		}
	throw refusal;
}

/** A row a picture or caption. @throws UserError when a value is not finite */
function features(what: string, embeddings: Tensor): Features {
	assertFinite(what, embeddings, "its weights are damaged");
	const { dims, data } = embeddings;
	return { count: dims[0], width: dims[1], data };
}
