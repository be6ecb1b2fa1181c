import { ofOption } from "../errors/ofOption.js";
import { OptionError } from "../errors/optionError.js";
import { shorten } from "../errors/shorten.js";
import { type LoraTag, loraTags } from "../tokenizer/loraTags.js";
import { memoryAdapterFile } from "../weights/adapters/adapterFile.js";
import { type Embedding, embeddingsOf } from "../weights/adapters/embedding.js";
import {
	type AdapterFile,
	openAdapter,
} from "../weights/adapters/openAdapter.js";
import type { AdapterUse } from "../weights/adapters/withAdapters.js";
import type { ModelFiles } from "../weights/folder/modelFiles.js";
import type { OpenWeightFile } from "../weights/formats/weightFile.js";
import type { RunAdapters } from "./adaptedNetworks.js";
import type { EmbeddingOption, LoraOption } from "./adapterOptions.js";
import type { RunSettings } from "./runSettings.js";
import type { Warning } from "./warning.js";

/** Opens a LoRA or an embedding that a path or a Hub id names. */
export type OpenAdapterFile = (
	path: string,
	signal?: AbortSignal,
) => Promise<AdapterFile>;

/** The path of the LoRA that a prompt calls by its name, or its content. */
export type FindLora = (name: string) => Promise<string | Blob>;

/** Where a run's adapters come from, and what they are for. */
export interface AdapterSources {
	readonly model: ModelFiles;
	/** Width of the text encoder. */
	readonly features: number;
	readonly openAdapterFile?: OpenAdapterFile;
	readonly findLora?: FindLora;
	readonly ownLoras?: Readonly<Record<string, string>>;
	readonly openWeightFile?: OpenWeightFile;
	readonly signal?: AbortSignal;
}

/** What a run's settings ask for, opened. */
export interface OpenedAdapters extends RunAdapters {
	/** The settings with the names and hashes of what was opened. */
	readonly settings: RunSettings;
	readonly warnings: readonly Warning[];
}

/**
 * Opens the LoRAs and embeddings of a run, those that its prompt names too. A LoRA that was given and is named by the prompt as well is used
 * once, as strong as was given, else as the prompt says.
 * @throws OptionError when a file is missing, is none, or does not fit the model
 */
export async function openRunAdapters(
	settings: RunSettings,
	sources: AdapterSources,
): Promise<OpenedAdapters> {
	const warnings: Warning[] = [];
	const tags = [...settings.loraTags];
	/** What the prompt names at another weight than it is used at. */
	const outweighed = new Set<string>();
	const uses: AdapterUse[] = [];
	const loras: LoraOption[] = [];
	const add = async (lora: LoraOption, option: string) => {
		const file = await opened(option, lora, sources);
		const name = lora.name ?? file.name;
		const at = tags.findIndex((tag) => tag.name === name);
		const [tag]: (LoraTag | undefined)[] = at < 0 ? [] : tags.splice(at, 1);
		const weight = lora.weight ?? tag?.weight ?? 1;
		const textWeight =
			lora.textWeight ??
			(lora.weight === undefined ? tag?.textWeight : undefined) ??
			weight;
		if (tag && !(tag.weight === weight && tag.textWeight === textWeight))
			outweighed.add(name);
		const adapter = await ofOption(option, () =>
			openAdapter(file, sources.model.networks, sources.openWeightFile),
		);
		uses.push({
			adapter,
			strength: {
				unet: weight,
				text_encoder: textWeight,
				text_encoder_2: textWeight,
			},
		});
		loras.push({ ...lora, name, weight, textWeight, hash: file.hash });
		if (adapter.unused.length > 0)
			warnings.push(unusedWarning(file, adapter.unused));
	};
	for (const lora of settings.options.loras ?? []) await add(lora, "loras");
	while (tags.length > 0) {
		const [tag] = tags;
		const found = await ofOption("prompt", () => named(tag.name, sources));
		const source =
			typeof found === "string" ? { path: found } : { file: found };
		await add({ ...source, name: tag.name }, "prompt");
	}
	const embeddings: Embedding[] = [];
	const given: EmbeddingOption[] = [];
	for (const option of settings.options.embeddings ?? []) {
		const file = await opened("embeddings", option, sources);
		const found = await ofOption("embeddings", () =>
			embeddingsOf(file, sources.features, option.token),
		);
		for (const embedding of found) {
			if (embeddings.some(({ token }) => token === embedding.token))
				throw new OptionError(
					"embeddings",
					`two stand for the token ${shorten(embedding.token)}; name another for one of them`,
				);
			embeddings.push(embedding);
			given.push({ ...option, token: embedding.token, hash: file.hash });
		}
	}
	return {
		loras: uses,
		embeddings,
		warnings,
		settings: {
			...settings,
			options: {
				...settings.options,
				// pictures say by which weight it was used: what the prompt says would draw another
				prompt: loraTags(settings.options.prompt, (name) =>
					outweighed.has(name),
				).text,
				...(loras.length > 0 && { loras }),
				...(given.length > 0 && { embeddings: given }),
			},
		},
	};
}

/** The LoRA that a prompt names; the user's own win over those that come with the model. */
async function named(
	name: string,
	{ findLora, ownLoras = {} }: AdapterSources,
): Promise<string | Blob> {
	const own = Object.hasOwn(ownLoras, name) ? ownLoras[name] : undefined;
	try {
		if (findLora) return await findLora(name);
	} catch (error) {
		if (own === undefined) throw error;
	}
	if (own !== undefined) return own;
	throw new OptionError(
		"prompt",
		`it names the LoRA ${shorten(name)}, which is none of those that are given`,
	);
}

async function opened(
	option: string,
	{ path, file, hash, ...rest }: LoraOption & EmbeddingOption,
	{ openAdapterFile, signal }: AdapterSources,
): Promise<AdapterFile> {
	const found = await ofOption(option, async () => {
		if (file)
			return memoryAdapterFile(file, rest.name ?? rest.token ?? "adapter");
		if (path === undefined || !openAdapterFile)
			throw new OptionError(
				option,
				"paths cannot be opened here: give the file's content",
			);
		return openAdapterFile(path, signal);
	});
	if (hash && !found.hash.startsWith(hash) && !hash.startsWith(found.hash))
		throw new OptionError(
			option,
			`${found.label} is another file (${found.hash}) than the one that is asked for (${hash})`,
		);
	return found;
}

function unusedWarning(
	{ label, weights }: AdapterFile,
	unused: readonly string[],
): Warning {
	const some = unused
		.slice(0, 3)
		.map((name) => shorten(name))
		.join(", ");
	return {
		code: "adapter_unused",
		message: `${unused.length} of the ${weights.tensors.size} tensors of ${label} change nothing in this model: ${some}${unused.length > 3 ? ", …" : ""}`,
	};
}
