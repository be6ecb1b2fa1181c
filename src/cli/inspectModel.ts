import { shorten } from "../errors/shorten.js";
import { UserError } from "../errors/userError.js";
import { openDiffusersFolder } from "../weights/folder/diffusersFolder.js";
import type { ModelFiles } from "../weights/folder/modelFiles.js";
import type { ModelKind } from "../weights/folder/modelKind.js";
import {
	nodeModelFolder,
	openNodeFile,
} from "../weights/formats/nodeModelFolder.js";
import { readSafetensorsHeader } from "../weights/formats/weightFile.js";
import {
	summarizeWeights,
	type WeightSummary,
} from "../weights/formats/weightSummary.js";
import type { TensorEntry } from "../weights/formats/weights.js";
import { cachedSnapshot, hubSettings } from "../weights/hub/nodeHubCache.js";
import { locateModel, openModel } from "../weights/nodeOpenModel.js";
import { formatBytes, formatCount } from "./formatAmount.js";

/** Flags of `fdiff models inspect`. */
export interface InspectFlags {
	readonly tensors?: boolean;
	readonly variant?: string;
	readonly revision?: string;
	readonly config?: string;
	readonly tokenizer?: string;
	readonly json?: boolean;
}

type Entry = Pick<TensorEntry, "name" | "dtype" | "shape" | "length">;

interface Part {
	readonly name: string;
	readonly summary: WeightSummary;
	readonly files: readonly string[];
	readonly config?: unknown;
	readonly entries: readonly Entry[];
}

interface Inspected {
	readonly model: string;
	readonly hash?: string;
	readonly kind?: ModelKind;
	/** Why a file is shown as tensors only. */
	readonly note?: string;
	readonly scheduler?: unknown;
	readonly parts: readonly Part[];
}

/**
 * What a model consists of, as lines of text or one line of JSON. A .safetensors file that is no whole model (a LoRA, one
 * network) is shown by its tensors. Nothing is downloaded.
 * @throws UserError when there is no such model here or it is malformed.
 */
export async function inspectModel(
	model: string,
	flags: InspectFlags,
): Promise<string[]> {
	const inspected = await look(model, flags);
	return flags.json
		? [JSON.stringify(forJson(inspected, flags))]
		: forPeople(inspected, flags);
}

async function look(model: string, flags: InspectFlags): Promise<Inspected> {
	const place = await locateModel(model, flags.revision);
	if (place.kind === "hub") {
		const { cacheFolder } = await hubSettings();
		const snapshot = await cachedSnapshot(cacheFolder, place.id);
		if (!snapshot)
			throw new UserError(
				`${model} is neither a folder or file here nor in the cache: get it with fdiff models pull ${model}`,
			);
		const folder = await nodeModelFolder(snapshot, place.id.repo);
		return describe(model, await openDiffusersFolder(folder, flags));
	}
	try {
		const files = await openModel(model, flags);
		return describe(model, files, files.hash);
	} catch (error) {
		if (place.kind !== "file" || !(error instanceof UserError)) throw error;
		return describeFile(model, place.path, error);
	}
}

function describe(
	model: string,
	files: Omit<ModelFiles, "hash">,
	hash?: string,
): Inspected {
	const { text_encoder, unet, vae } = files.networks;
	const networks = [
		["text encoder", text_encoder],
		["UNet", unet],
		["VAE", vae],
	] as const;
	return {
		model,
		...(hash ? { hash } : {}),
		kind: files.kind,
		scheduler: files.scheduler.config,
		parts: networks.map(([name, { config, weights }]) => {
			const entries = [...weights.tensors.values()];
			return {
				name,
				summary: summarizeWeights(entries),
				files: [...weights.files.entries()].map(([key, file]) =>
					"path" in file ? file.path : key,
				),
				config,
				entries,
			};
		}),
	};
}

/** A file that is no whole model, if it is at least a safetensors file; `reason` is thrown on otherwise. */
async function describeFile(
	model: string,
	path: string,
	reason: UserError,
): Promise<Inspected> {
	if (!/\.safetensors$/i.test(path)) throw reason;
	const header = await readSafetensorsHeader(await openNodeFile(path, model));
	const entries = [...header.entries.values()];
	return {
		model,
		note: reason.message,
		parts: [
			{
				name: "tensors",
				summary: summarizeWeights(entries),
				files: [path],
				entries,
			},
		],
	};
}

function forJson(
	{ parts, ...model }: Inspected,
	{ tensors }: InspectFlags,
): unknown {
	return {
		...model,
		networks: parts.map(({ name, summary, files, config, entries }) => ({
			name,
			...summary,
			files,
			config,
			...(tensors
				? {
						entries: entries.map(({ name, dtype, shape }) => ({
							name,
							dtype,
							shape,
						})),
					}
				: {}),
		})),
	};
}

function forPeople(
	{ model, hash, kind, note, scheduler, parts }: Inspected,
	{ tensors }: InspectFlags,
): string[] {
	const lines = [hash ? `${model}  (hash ${hash})` : model];
	if (kind) lines.push(`kind: ${kind}`);
	if (note) lines.push(`shown as tensors only: ${note}`);
	for (const { name, summary, files, config, entries } of parts) {
		const dtypes = Object.entries(summary.dtypes)
			.map(([dtype, count]) => `${count} ${dtype}`)
			.join(", ");
		lines.push(
			"",
			`${name}: ${formatCount(summary.parameters)} parameters, ${summary.tensors} tensors (${dtypes}), ${formatBytes(summary.bytes)}`,
			...files.map((file) => `  ${file}`),
			...settings(config, networkSettings),
		);
		if (tensors)
			for (const { name, dtype, shape } of entries)
				lines.push(
					`  ${dtype.padEnd(4)} [${shape.join(", ")}]  ${shorten(name, 200)}`,
				);
	}
	if (scheduler)
		lines.push("", "scheduler:", ...settings(scheduler, schedulerSettings));
	return lines;
}

/** What of a config tells models apart at a glance. */
const networkSettings = [
	"in_channels",
	"block_out_channels",
	"layers_per_block",
	"attention_head_dim",
	"cross_attention_dim",
	"sample_size",
	"latent_channels",
	"scaling_factor",
	"hidden_size",
	"num_hidden_layers",
	"num_attention_heads",
	"hidden_act",
	"vocab_size",
];
const schedulerSettings = [
	"_class_name",
	"prediction_type",
	"beta_schedule",
	"beta_start",
	"beta_end",
	"timestep_spacing",
	"steps_offset",
];

function settings(config: unknown, keys: readonly string[]): string[] {
	if (typeof config !== "object" || config === null) return [];
	const values = config as Readonly<Record<string, unknown>>;
	return keys
		.filter((key) => values[key] !== undefined && values[key] !== null)
		.map((key) => `  ${key}: ${shorten(JSON.stringify(values[key]))}`);
}
