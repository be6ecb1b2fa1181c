import type { NormStatistics } from "../graph/layers/groupNorm.js";
import type { Autoencoder } from "../models/autoencoder.js";
import { type Tensor, tensor } from "../tensor/tensor.js";
import type { NetworkFiles } from "../weights/folder/modelFiles.js";
import { assertFiniteOutput } from "./finiteOutputs.js";
import type { HostedNetwork, Hosting, NetworkUser } from "./networkHost.js";
import { runPrepared } from "./preparedRun.js";

/** The normal distribution of a picture's latents: a sample is mean + exp(logvar / 2) · noise. */
export interface LatentMoments {
	readonly mean: Tensor;
	readonly logvar: Tensor;
}

/** The VAE's decoder. */
export interface VaeDecoding {
	/**
	 * Latents divided by the scaling factor `[n, channels, h, w]` to images `[n, 3, 8h, 8w]`, about −1 to 1.
	 * @param statistics of another picture's norms, in place of its own
	 */
	decode(latents: Tensor, statistics?: NormTensors): Promise<Tensor>;
	/** What the decoder's norms are of these latents. */
	statistics(latents: Tensor): Promise<NormTensors>;
}

/** The VAE's encoder. */
export interface VaeEncoding {
	/**
	 * Images `[n, 3, h, w]` in −1 to 1 to the `mean` and the `logvar` of their latents, before scaling.
	 * @param statistics of another picture's norms, in place of its own
	 */
	encode(image: Tensor, statistics?: NormTensors): Promise<LatentMoments>;
	/** What the encoder's norms are of this image. */
	statistics(image: Tensor): Promise<NormTensors>;
}

/** Means and variances of norms, by name. */
export type NormTensors = Readonly<Record<string, Tensor>>;

/** The autoencoder's halves as one run uses them. */
export interface HostedAutoencoder {
	/** Runs `work` with the VAE's decoder, which stays loaded until `work` is done; it must not use other networks. */
	decoding<Result>(
		work: (vae: VaeDecoding) => Promise<Result>,
	): Promise<Result>;
	/** Runs `work` with the VAE's encoder, likewise. */
	encoding<Result>(
		work: (vae: VaeEncoding) => Promise<Result>,
	): Promise<Result>;
}

// the graphs are dynamic: these sizes are only counted with
const NOMINAL = { batch: 1, height: 64, width: 64 };

/** The halves of an autoencoder, hosted. */
export function hostedAutoencoder(
	vae: Autoencoder,
	{ weights }: NetworkFiles,
	{ host, options, open }: Hosting,
): (user: NetworkUser) => HostedAutoencoder {
	// a tiny one stays beside the UNet
	const group = vae.config.tiny ? "unet" : "vae";
	const suspect = { weights, open };
	const hosted = (
		half: "decoder" | "encoder",
		statistics?: NormStatistics,
	): HostedNetwork => ({
		key: `vae ${half} ${statistics}`,
		name: "vae",
		build: (flavour) => vae[half](NOMINAL, flavour, statistics),
		options,
	});
	/** Gives `work` what runs a half of the autoencoder. */
	const using = <Result>(
		half: "decoder" | "encoder",
		user: NetworkUser,
		work: (
			run: (
				inputs: Readonly<Record<string, Tensor>>,
				statistics?: NormStatistics,
			) => Promise<Record<string, Tensor>>,
		) => Promise<Result>,
	) =>
		host.use(group, user, (sessionOf) =>
			work(async (inputs, statistics) => {
				user.signal?.throwIfAborted();
				const session = await sessionOf(hosted(half, statistics));
				return runPrepared(session, inputs, [user]);
			}),
		);
	return (user) => ({
		decoding: (work) =>
			using("decoder", user, (run) => {
				const decoded = async (
					inputs: Readonly<Record<string, Tensor>>,
					statistics?: NormStatistics,
				) => {
					const { image, ...others } = await run(inputs, statistics);
					await assertFiniteOutput("the VAE's decoder, image", image, suspect);
					return { image, others };
				};
				return work({
					decode: async (latents, statistics) =>
						(await decoded({ latents, ...statistics }, statistics && "given"))
							.image,
					statistics: async (latents) =>
						(await decoded({ latents }, "told")).others,
				});
			}),
		encoding: (work) =>
			using("encoder", user, (run) => {
				const encoded = async (
					inputs: Readonly<Record<string, Tensor>>,
					statistics?: NormStatistics,
				) => {
					const {
						mean,
						logvar = certain(mean),
						...others
					} = await run(inputs, statistics);
					await assertFiniteOutput("the VAE's encoder, mean", mean, suspect);
					return { moments: { mean, logvar }, others };
				};
				return work({
					encode: async (image, statistics) =>
						(await encoded({ image, ...statistics }, statistics && "given"))
							.moments,
					statistics: async (image) =>
						(await encoded({ image }, "told")).others,
				});
			}),
	});
}

/** The logarithm of no variance at all: of latents that are no distribution. */
function certain({ dims }: Tensor): Tensor {
	const logvar = tensor(dims);
	logvar.data.fill(Number.NEGATIVE_INFINITY);
	return logvar;
}
