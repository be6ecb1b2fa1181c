import type { ClipTextConfig } from "../models/clipConfig.js";
import { buildClipText, type ClipTextOptions } from "../models/clipText.js";
import { intRows } from "../runtime/session.js";
import type { Tensor } from "../tensor/tensor.js";
import type { AdaptedNetwork } from "../weights/adapters/adapterNames.js";
import type { NetworkFiles } from "../weights/folder/modelFiles.js";
import {
	type AdaptedText,
	adaptedText,
	type RunAdapters,
} from "./adaptedNetworks.js";
import { assertFiniteOutput } from "./finiteOutputs.js";
import type { HostedNetwork, Hosting, NetworkUser } from "./networkHost.js";
import { runPrepared } from "./preparedRun.js";
import { sameKey } from "./sameKey.js";
import { textCache } from "./textCache.js";

/** What is wanted of a text encoder, and of which. */
export interface TextEncoding extends ClipTextOptions {
	/** Its name in `ModelFiles.networks`. Default `text_encoder`. */
	readonly network?: string;
}

/**
 * The outputs of a text encoder for token ids, one row a prompt: `hidden_states` `[prompts, tokens, features]` and what else is asked for.
 * They are kept for the next who asks, and must not be written to.
 */
export type EncodeText = (
	ids: readonly (readonly number[])[],
	options?: TextEncoding,
) => Promise<Readonly<Record<string, Tensor>>>;

/** Bytes of encoded prompts that are kept: some hundred for Stable Diffusion 1.x. */
const KEPT_TEXTS = 64 * 2 ** 20;

/** The text encoders of a model, hosted; what they have encoded is kept unless told otherwise. */
export function hostedTextEncoders(
	configs: Readonly<Record<string, ClipTextConfig>>,
	networks: Readonly<Record<string, NetworkFiles>>,
	{ host, options, open, keep }: Hosting & { readonly keep: boolean },
): {
	encoder(user: NetworkUser, adapters: RunAdapters): EncodeText;
	/** Forgets what was encoded. */
	clear(): void;
} {
	const texts = textCache(keep ? KEPT_TEXTS : 0);
	const hosted = (
		name: string,
		{ weights, variant, addedTokens }: AdaptedText,
		wanted: ClipTextOptions,
		dims: { batch: number; tokens: number },
	): HostedNetwork => ({
		key: `${name} ${sameKey(wanted)} ${variant}`,
		name,
		variant,
		build: (flavour) =>
			buildClipText(
				configs[name],
				weights,
				{ ...wanted, addedTokens },
				dims,
				// it runs once: computing changed weights first would take longer than narrow layers do
				{ ...flavour, lowRank: "beside" },
			),
		options,
	});
	return {
		clear: texts.clear,
		encoder:
			(user, adapters) =>
			async (ids, { network = "text_encoder", ...wanted } = {}) => {
				const dims = { batch: ids.length, tokens: ids[0].length };
				const name = network as AdaptedNetwork;
				const text = adaptedText(name, networks[network].weights, adapters);
				const key = JSON.stringify([
					network,
					text.variant,
					sameKey(wanted),
					ids,
				]);
				user.signal?.throwIfAborted();
				return texts.of(key, () =>
					host.use("text", user, async (sessionOf) => {
						const session = await sessionOf(
							hosted(network, text, wanted, dims),
						);
						const inputs = { input_ids: intRows(ids) };
						const outputs = await runPrepared(session, inputs, [user]);
						const suspect = { weights: text.weights, open };
						for (const [name, output] of Object.entries(outputs))
							await assertFiniteOutput(
								`the text encoder, ${name.replaceAll("_", " ")}`,
								output,
								suspect,
							);
						return outputs;
					}),
				);
			},
	};
}
