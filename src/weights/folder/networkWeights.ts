import * as z from "zod";
import { shorten } from "../../errors/shorten.js";
import { UserError } from "../../errors/userError.js";
import { checkJson } from "../../files/parseJson.js";
import { type ModelFolder, readJson } from "../formats/modelFolder.js";
import {
	type ReadableFile,
	readSafetensorsHeader,
} from "../formats/weightFile.js";
import type { TensorEntry, WeightFile, Weights } from "../formats/weights.js";
import type { ChosenWeights, NetworkFolder } from "./weightFileNames.js";

/** More shards than this are refused: no model of this kind has a hundred. */
const maxShards = 10_000;

const shardIndex = z.object({
	weight_map: z.record(z.string(), z.string()),
});

/**
 * The weights of one network of a diffusers folder, from one file or from shards, under the names of `currentName`.
 * Only headers are read.
 * @throws UserError when a file is malformed, a shard is missing or lacks a tensor that the index puts there, or a shard's
 * name is not that of a file in the same folder.
 */
export function loadNetworkWeights(
	folder: ModelFolder,
	network: NetworkFolder,
	{ path }: ChosenWeights,
): Promise<Weights> {
	return loadWeights(folder, path, `${folder.label}/${network}`, network);
}

/**
 * The weights of a folder that is one network, under the names they have there.
 * @param path its .safetensors file
 * @throws UserError as `loadNetworkWeights` does.
 */
export function openNetworkWeights(
	folder: ModelFolder,
	path: string,
): Promise<Weights> {
	return loadWeights(folder, path, folder.label);
}

async function loadWeights(
	folder: ModelFolder,
	path: string,
	label: string,
	network?: NetworkFolder,
): Promise<Weights> {
	if (!path.endsWith(".json"))
		return weightsOf(label, network, [
			{ file: await folder.open(path), names: undefined, place: undefined },
		]);
	const directory = path.slice(0, path.lastIndexOf("/") + 1);
	const indexLabel = `${folder.label}/${path}`;
	const index = checkJson(
		shardIndex,
		await readJson(folder, path),
		indexLabel,
		{
			what: "index of shards",
		},
	);
	const shards = new Map<string, Set<string>>();
	for (const [tensor, shard] of Object.entries(index.weight_map)) {
		const names = shards.get(shard);
		if (names) names.add(tensor);
		else shards.set(shard, new Set([tensor]));
	}
	if (shards.size > maxShards)
		throw new UserError(`${indexLabel} names ${shards.size} shards`);
	if (shards.size === 0) throw new UserError(`${indexLabel} names no shard`);
	const parts: Part[] = [];
	for (const [shard, names] of shards) {
		if (!/^[^/\\:]+\.safetensors$/.test(shard) || shard.startsWith("."))
			throw new UserError(
				`${indexLabel} names the shard "${shorten(shard)}", which is no .safetensors file of the same folder`,
			);
		const shardPath = directory + shard;
		if (!folder.paths.has(shardPath))
			throw new UserError(
				`${folder.label}/${shorten(shardPath)} is missing: ${indexLabel} needs it`,
			);
		const file = await folder.open(shardPath);
		parts.push({ file, names, place: indexLabel });
	}
	return weightsOf(label, network, parts);
}

interface Part {
	readonly file: ReadableFile;
	/** Tensors that the index puts into this file; undefined: all that are there. */
	readonly names: ReadonlySet<string> | undefined;
	/** The index, for messages. */
	readonly place: string | undefined;
}

async function weightsOf(
	label: string,
	network: NetworkFolder | undefined,
	parts: readonly Part[],
): Promise<Weights> {
	const files = new Map<string, WeightFile>();
	const tensors = new Map<string, TensorEntry>();
	for (const { file, names, place } of parts) {
		if (files.has(file.key))
			throw new UserError(
				`${file.label} is a link to a file of the same name as another shard`,
			);
		files.set(file.key, file.file);
		const { entries } = await readSafetensorsHeader(file);
		for (const name of names ?? entries.keys()) {
			const entry = entries.get(name);
			if (!entry)
				throw new UserError(
					`${file.label} lacks the tensor "${shorten(name)}" that ${place} puts there`,
				);
			const current = network ? currentName(network, name) : name;
			const twin = tensors.get(current);
			if (twin)
				throw new UserError(
					`${file.label} has the tensor "${shorten(current)}" under two names`,
				);
			const { dtype, shape, offset, length } = entry;
			tensors.set(current, {
				name: current,
				dtype,
				shape: network === "vae" ? withoutKernel(current, shape) : shape,
				file: file.key,
				offset,
				length,
			});
		}
	}
	return { label, files, tensors };
}

const oldAttentionNames: Readonly<Record<string, string>> = {
	query: "to_q",
	key: "to_k",
	value: "to_v",
	proj_attn: "to_out.0",
};

/**
 * The name that today's diffusers and transformers give a tensor. Older files name the VAE's attention query, key, value and
 * proj_attn; transformers 5 writes text encoders without the `text_model.` before their names.
 */
export function currentName(network: NetworkFolder, name: string): string {
	if (network === "vae")
		return name.replace(
			/(\.attentions\.\d+\.)(query|key|value|proj_attn)\./,
			(_, path: string, old: string) => `${path}${oldAttentionNames[old]}.`,
		);
	if (
		network === "text_encoder" &&
		/^(embeddings|encoder|final_layer_norm)\./.test(name)
	)
		return `text_model.${name}`;
	return name;
}

/** The VAE's attention is linear layers; files that have them as convolutions, [out, in, 1, 1], hold the same bytes. */
export function withoutKernel(
	name: string,
	shape: readonly number[],
): readonly number[] {
	return /\.attentions\.\d+\.to_(q|k|v|out\.0)\.weight$/.test(name) &&
		shape.length === 4 &&
		shape[2] === 1 &&
		shape[3] === 1
		? shape.slice(0, 2)
		: shape;
}
