import { buildUnet, unetFlops } from "../models/unet.js";
import type { UnetConfig } from "../models/unetConfig.js";
import { withTimeFeatures } from "../models/unetInputs.js";
import { skipFeatures } from "../models/unetLayout.js";
import type { UnetDims, UnetPart } from "../models/unetPart.js";
import { WHOLE_UNET } from "../propagation/statePart.js";
import type { UnetRunner } from "../propagation/unetRunner.js";
import type { SessionOptions } from "../runtime/session.js";
import type { Tensor } from "../tensor/tensor.js";
import type { NetworkFiles } from "../weights/folder/modelFiles.js";
import {
	type AdaptedWeights,
	adaptedUnet,
	type RunAdapters,
} from "./adaptedNetworks.js";
import { decoderHalfAfter, decoderHalfSizes } from "./decoderHalf.js";
import { assertFinitePrediction } from "./finiteOutputs.js";
import type { HostedNetwork, Hosting, NetworkUser } from "./networkHost.js";
import { prepareTogether, runPrepared } from "./preparedRun.js";
import { sameKey } from "./sameKey.js";
import { sharedCalls } from "./sharedCalls.js";
import { halvesOf } from "./unetInHalves.js";

/**
 * Joined calls of the UNet take at most so many floating-point operations. Of the embedded model four runs of 2.1e9 each take 0.7 to 0.85 of their
 * time alone, runs of 5e9 0.9 to 1.0 and of 10e9 as long as alone.
 */
const MOST_JOINED_FLOPS = 10e9;

/** Counts of operations that are kept, by parts and sizes. */
const KEPT_COUNTS = 1000;

// the graphs are dynamic: these sizes are only counted with
const NOMINAL = { batch: 1, height: 64, width: 64, tokens: 77 };

/** The UNet of a model, hosted. */
export interface HostedUnet {
	/** The UNet as one run uses it, loaded as `options` say. */
	runner(
		user: NetworkUser,
		adapters: RunAdapters,
		options: SessionOptions,
	): UnetRunner;
	/** Whether a run of so many samples, of latents of this size, calls the UNet together with others that go on at the same time. */
	sharesCalls(dims: UnetDims): boolean;
}

/** Hosts the UNet of a model: parts of it are loaded when a run first asks for them. */
export function hostedUnet(
	config: UnetConfig,
	files: NetworkFiles,
	{
		host,
		shares,
		open,
	}: Omit<Hosting, "options"> & {
		/** Whether calls of several runs may be joined. */
		readonly shares: boolean;
	},
): HostedUnet {
	const skipCount = skipFeatures(config).length;
	const share = sharedCalls(MOST_JOINED_FLOPS, runPrepared);
	const flops = countedFlops(config);
	const hosted = (
		{ weights, variant }: AdaptedWeights,
		part: UnetPart,
		options: SessionOptions,
	): HostedNetwork => ({
		key: `unet ${options.optimization} ${sameKey(part)} ${variant}`,
		name: "unet",
		variant,
		build: (flavour) => buildUnet(config, weights, part, NOMINAL, flavour),
		options,
	});
	return {
		sharesCalls: (dims) =>
			shares && 2 * flops(WHOLE_UNET, dims) <= MOST_JOINED_FLOPS,
		runner(user, adapters, options) {
			const adapted = adaptedUnet(files.weights, adapters);
			let isFirst = true;
			return {
				skipCount,
				flops,
				run: (part, inputs) =>
					host.use("unet", user, async (sessionOf) => {
						const load = (wanted: UnetPart) =>
							sessionOf(hosted(adapted, wanted, options));
						const session = await load(part);
						const next = isFirst && session.prepare && decoderHalfAfter(part);
						isFirst = false;
						if (next)
							await prepareTogether(
								[user],
								[
									[session, inputs],
									[await load(next), decoderHalfSizes(config, inputs)],
								],
							);
						const given = session.inputs.includes("time_features")
							? withTimeFeatures(config, inputs)
							: inputs;
						const outputs = shares
							? await share({
									caller: user,
									session,
									inputs: given,
									flops: flops(part, dimsOf(inputs)),
									signal: user.signal,
								})
							: await runPrepared(session, given, [user]);
						await assertFinitePrediction(part, inputs, outputs, {
							weights: adapted.weights,
							open,
						});
						return outputs;
					}),
			};
		},
	};
}

/** Counts of operations, each made once. */
function countedFlops(config: UnetConfig): UnetRunner["flops"] {
	const counts = new Map<string, number>();
	return (part, dims) => {
		const key = `${sameKey(part)} ${dims.batch} ${dims.height} ${dims.width} ${dims.tokens}`;
		let count = counts.get(key);
		if (count === undefined) {
			count = partsCounted(part).reduce(
				(sum, each) => sum + unetFlops(config, each, dims),
				0,
			);
			// strangers may ask for any size
			if (counts.size >= KEPT_COUNTS) counts.clear();
			counts.set(key, count);
		}
		return count;
	};
}

/** A whole UNet counts as its halves do, which both embed the timestep: a plain step costs the same in one graph and in two. */
function partsCounted(part: UnetPart): readonly UnetPart[] {
	const { encoder, decoder, observe, deepOutputs } = part;
	return encoder === "full" && decoder === "full" && !observe && !deepOutputs
		? halvesOf(part)
		: [part];
}

/** Sizes of a call of the UNet. */
function dimsOf(inputs: Readonly<Record<string, Tensor>>): UnetDims {
	const { sample, skip_0, encoder_hidden_states, timestep } = inputs;
	const [, , height, width] = (sample ?? skip_0).dims;
	return {
		batch: timestep.dims[0],
		height,
		width,
		tokens: encoder_hidden_states?.dims[1] ?? 0,
	};
}
