import * as z from "zod";
import { parsedJson } from "../../files/parsedJson.js";
import type { AdaptedNetwork } from "./adapterNames.js";
import type { AdapterFile } from "./openAdapter.js";

/** What a change is multiplied by: of a layer, its rank, and the alpha that stands beside it in the file. */
export type Scaling = (
	network: AdaptedNetwork,
	layer: string,
	rank: number | undefined,
	alpha: number | undefined,
) => number;

const pattern = z.record(z.string(), z.number()).optional().catch(undefined);
const loraConfig = z.looseObject({
	lora_alpha: z.number().optional().catch(undefined),
	/** LoHa and LoKr. */
	alpha: z.number().optional().catch(undefined),
	r: z.number().optional().catch(undefined),
	peft_type: z.string().optional().catch(undefined),
	alpha_pattern: pattern,
	use_rslora: z.boolean().optional().catch(undefined),
});

/**
 * alpha / rank, with the alpha of the file's own tensors, else of PEFT's configuration: adapter_config.json, or what diffusers writes into the
 * header as `lora_adapter_metadata`. Without any, alpha is the rank. Rank-stabilized LoRA divides by the root of the rank; what has alphas of its
 * own is not PEFT's, whatever lies beside it.
 */
export function peftScaling({ metadata, config }: AdapterFile): Scaling {
	const written = metadata.get("lora_adapter_metadata");
	const all = object(written === undefined ? config : parsedJson(written));
	return (network, layer, rank, alpha) => {
		const own = Object.entries(all).flatMap(([key, value]) =>
			key.startsWith(`${network}.`)
				? [[key.slice(network.length + 1), value]]
				: [],
		);
		const read = loraConfig.safeParse(
			written === undefined ? all : Object.fromEntries(own),
		).data;
		// LyCORIS knows no scale of what has no rank; PEFT's LoKr does
		if (rank === undefined)
			return read?.peft_type === "LOKR" && read.alpha && read.r
				? read.alpha / read.r
				: 1;
		const patterned = Object.entries(read?.alpha_pattern ?? {}).find(
			([key]) => layer === key || layer.endsWith(`.${key}`),
		)?.[1];
		const found = alpha ?? patterned ?? read?.lora_alpha ?? read?.alpha ?? rank;
		const rooted = alpha === undefined && read?.use_rslora;
		return found / (rooted ? Math.sqrt(rank) : rank);
	};
}

function object(value: unknown): Readonly<Record<string, unknown>> {
	return typeof value === "object" && value !== null
		? (value as Record<string, unknown>)
		: {};
}
