import type { NormStatistics } from "../graph/layers/groupNorm.js";
import { autoencoder } from "../models/autoencoder.js";
import {
	type ClipTextConfig,
	parseClipTextConfig,
} from "../models/clipConfig.js";
import { buildClipText, type ClipTextOptions } from "../models/clipText.js";
import { buildUnet, unetFlops } from "../models/unet.js";
import { parseUnetConfig, type UnetConfig } from "../models/unetConfig.js";
import { withTimeFeatures } from "../models/unetInputs.js";
import { skipFeatures } from "../models/unetLayout.js";
import type { UnetDims, UnetPart } from "../models/unetPart.js";
import type { AutoencoderConfig } from "../models/vaeConfig.js";
import { WHOLE_UNET } from "../propagation/stateParts.js";
import type { UnetRunner } from "../propagation/unetRunner.js";
import type { Engine } from "../runtime/engine.js";
import {
	type Device,
	intRows,
	type Precision,
	type Session,
	type SessionOptions,
} from "../runtime/session.js";
import { elementCount, type Tensor, tensor } from "../tensor/tensor.js";
import type { AdaptedNetwork } from "../weights/adapters/adapterNames.js";
import type { ModelFiles, NetworkFiles } from "../weights/folder/modelFiles.js";
import { requireKind } from "../weights/folder/modelKind.js";
import type { OpenWeightFile } from "../weights/formats/weightFile.js";
import {
	type AdaptedText,
	type AdaptedWeights,
	adaptedText,
	adaptedUnet,
	NO_ADAPTERS,
	type RunAdapters,
} from "./adaptedNetworks.js";
import {
	type ControlNetFiles,
	controlNetwork,
	controlRunner,
} from "./controlNetworks.js";
import { decoderHalfAfter, decoderHalfSizes } from "./decoderHalf.js";
import { assertFiniteOutput, assertFinitePrediction } from "./finiteOutputs.js";
import {
	type HostedNetwork,
	type NetworkUser,
	networkHost,
	type SessionOf,
} from "./networkHost.js";
import { sharedCalls } from "./sharedCalls.js";
import { splitRows } from "./splitRows.js";
import { textCache } from "./textCache.js";
import { unetInHalves } from "./unetInHalves.js";

/** How networks are run. */
export interface NetworkOptions {
	/** Default `cpu`. */
	readonly device?: Device;
	/** What they compute in. Default `float32`. */
	readonly precision?: Precision;
	/** Threads inside an operator; default: as many as there are cores. */
	readonly threads?: number;
	/**
	 * `extended` loads fast and leaves the weights mapped from their files; `all` runs faster and takes longer to load. `auto` (default)
	 * takes `all` where a run is long enough to be worth it: that depends on nothing but the run, so that its images do not either.
	 */
	readonly optimization?: "auto" | "extended" | "all";
	/** The most samples in one run of the UNet; larger batches are split. Default: no limit. */
	readonly maxRows?: number;
	/**
	 * Whether runs that go on at the same time call the UNet together, where that takes less time: small pictures. Their images are then within
	 * rounding what they would be alone. Default: false.
	 */
	readonly shareCalls?: boolean;
	/** Whether a whole UNet runs as two halves, of which each is loaded alone. Default: where it is large and stays in memory. */
	readonly inHalves?: boolean;
	/** The most latents, each way, of a tile of `tiledDecoding`. Default: as many as the VAE was trained for. */
	readonly tile?: number;
	/**
	 * Whether all networks stay in memory. Default: only where the weights are small; otherwise the text encoder makes room
	 * for the UNet, and the UNet for the VAE.
	 */
	readonly keepResident?: boolean;
	/** Control nets beside the UNet. Default: none. */
	readonly controlNets?: readonly ControlNetFiles[];
	/** Opens a file of weights: to say which one is to blame for a number that is not finite. Default: of weights in memory only. */
	readonly openWeightFile?: OpenWeightFile;
}

/** One that uses the networks: a run, or a study. */
export interface NetworkRun extends NetworkUser {
	/** Runs of the UNet to come, which decide how long loading it may take. Default: many. */
	readonly unetRuns?: number;
	/** What changes the networks for this run. Default: nothing. */
	readonly adapters?: RunAdapters;
}

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

/** What is wanted of a text encoder, and of which. */
export interface TextEncoding extends ClipTextOptions {
	/** Its name in `ModelFiles.networks`. Default `text_encoder`. */
	readonly network?: string;
}

/** The networks as one run uses them. */
export interface RunNetworks {
	/**
	 * The outputs of a text encoder for token ids, one row a prompt: `hidden_states` `[prompts, tokens, features]` and what else is asked for.
	 * They are kept for the next who asks, and must not be written to.
	 */
	encodeText(
		ids: readonly (readonly number[])[],
		options?: TextEncoding,
	): Promise<Readonly<Record<string, Tensor>>>;
	readonly unet: UnetRunner;
	/** Runs `work` with the VAE's decoder, which stays loaded until `work` is done; it must not use other networks. */
	decoding<Result>(
		work: (vae: VaeDecoding) => Promise<Result>,
	): Promise<Result>;
	/** Runs `work` with the VAE's encoder, likewise. */
	encoding<Result>(
		work: (vae: VaeEncoding) => Promise<Result>,
	): Promise<Result>;
	/**
	 * A control net that sees a picture `[1, 3, height, width]`, 0 to 1: takes the inputs of the UNet's encoder half and gives features of the
	 * same names, which are to be added to those.
	 */
	control(net: number, image: Tensor): UnetRunner;
	/** Seconds this run has spent waiting for networks to be loaded, or for other runs' to be freed. */
	waitedSeconds(): number;
}

/** The networks of a model. Each is loaded when it is first run. */
export interface Networks {
	/** Of the text encoders, by their names in `ModelFiles.networks`. */
	readonly textConfigs: Readonly<
		Record<"text_encoder", ClipTextConfig> & Record<string, ClipTextConfig>
	>;
	readonly unetConfig: UnetConfig;
	readonly vaeConfig: AutoencoderConfig;
	/** Whether the VAE can turn pictures into latents. */
	readonly encodesPictures: boolean;
	/** What the control nets are called. */
	readonly controlNets: readonly string[];
	/** Bytes of their weights in the precision that they compute in, all together. */
	readonly bytes: number;
	/** Whether the networks make room for each other. */
	readonly keepResident: boolean;
	run(run?: NetworkRun): RunNetworks;
	/** Whether a run of so many samples, of latents of this size, calls the UNet together with others that go on at the same time. */
	sharesCalls(dims: UnetDims): boolean;
	/** See `NetworkHost.begin`. */
	begin(): () => Promise<void>;
	/** Frees all networks once no run is in a network. Later runs load them anew. */
	release(): Promise<void>;
}

/** Runs after which the faster network has made up for its longer loading (5 s and 12 % of 6 s for SD v1.5 at 512 x 512). */
const WORTH_OPTIMIZING = 8;

/**
 * Joined calls of the UNet take at most so many floating-point operations. Of the embedded model four runs of 2.1e9 each take 0.7 to 0.85 of their
 * time alone, runs of 5e9 0.9 to 1.0 and of 10e9 as long as alone.
 */
const MOST_JOINED_FLOPS = 10e9;

/** Bytes of encoded prompts that are kept: some hundred for Stable Diffusion 1.x. */
const KEPT_TEXTS = 64 * 2 ** 20;

/** Counts of operations that are kept, by parts and sizes. */
const KEPT_COUNTS = 1000;

/** Weights up to this many bytes all stay in memory. */
export const SMALL_MODEL = 2 ** 30;

/**
 * The networks of a model's files.
 * @throws UserError when a config is malformed or asks for what is not supported
 */
export function openNetworks(
	files: ModelFiles,
	engine: Engine,
	options: NetworkOptions = {},
): Networks {
	requireKind(files, ["text-to-image", "inpainting"]);
	const {
		device,
		precision,
		threads,
		optimization = "auto",
		maxRows,
		shareCalls = false,
		openWeightFile: open,
	} = options;
	const all = [
		...Object.values(files.networks),
		...(options.controlNets ?? []),
	];
	const isSmall = weightBytes(all) <= SMALL_MODEL;
	const keepResident = options.keepResident ?? isSmall;
	const unetConfig = parseUnetConfig(
		files.networks.unet.config,
		`${files.label}: unet/config.json`,
	);
	const textConfigs = Object.fromEntries(
		Object.entries(files.networks)
			.filter(([name]) => name.startsWith("text_encoder"))
			.map(([name, { config }]) => [
				name,
				parseClipTextConfig(config, `${files.label}: ${name}/config.json`),
			]),
	) as Networks["textConfigs"];
	const vae = autoencoder(
		files.networks.vae.config,
		files.networks.vae.weights,
		`${files.label}: vae/config.json`,
	);
	const {
		tile = Number.POSITIVE_INFINITY,
		inHalves = keepResident && !isSmall,
	} = options;
	const vaeConfig = {
		...vae.config,
		sampleSize: Math.min(vae.config.sampleSize, tile * vae.config.factor),
	};
	const controlNets = (options.controlNets ?? []).map((files) =>
		controlNetwork(files, unetConfig),
	);
	const host = networkHost(engine, { keepResident });
	// a tiny one stays beside the UNet
	const vaeGroup = vaeConfig.tiny ? "unet" : "vae";
	const placed = { device, precision, threads };
	const rare: SessionOptions = { ...placed, optimization: "extended" };
	// it runs once a prompt, so that its exactness costs nothing
	const exact: SessionOptions = { ...rare, precision: "float32" };
	// what is inside an autoencoder grows beyond float16
	const pixels = precision === "float16" ? exact : rare;
	const often = (runs: number): SessionOptions => ({
		...placed,
		optimization:
			optimization !== "auto"
				? optimization
				: runs >= WORTH_OPTIMIZING
					? "all"
					: "extended",
	});
	const texts = textCache(KEPT_TEXTS);
	const shares = shareCalls && maxRows === undefined;
	const share = sharedCalls(MOST_JOINED_FLOPS, runPrepared);
	const counts = new Map<string, number>();
	const flops: UnetRunner["flops"] = (part, dims) => {
		const key = `${sameKey(part)} ${dims.batch} ${dims.height} ${dims.width} ${dims.tokens}`;
		let count = counts.get(key);
		if (count === undefined) {
			count = partsCounted(part).reduce(
				(sum, each) => sum + unetFlops(unetConfig, each, dims),
				0,
			);
			// strangers may ask for any size
			if (counts.size >= KEPT_COUNTS) counts.clear();
			counts.set(key, count);
		}
		return count;
	};
	// the graphs are dynamic: these sizes are only counted with
	const nominal = { batch: 1, height: 64, width: 64, tokens: 77 };
	const vaeDims = { batch: 1, height: 64, width: 64 };

	const textEncoder = (
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
				textConfigs[name],
				weights,
				{ ...wanted, addedTokens },
				dims,
				// it runs once: computing changed weights first would take longer than narrow layers do
				{ ...flavour, lowRank: "beside" },
			),
		options: exact,
	});
	const unetPart = (
		{ weights, variant }: AdaptedWeights,
		part: UnetPart,
		level: SessionOptions,
	): HostedNetwork => ({
		key: `unet ${level.optimization} ${sameKey(part)} ${variant}`,
		name: "unet",
		variant,
		build: (flavour) => buildUnet(unetConfig, weights, part, nominal, flavour),
		options: level,
	});
	const vaeDecoder = (statistics?: NormStatistics): HostedNetwork => ({
		key: `vae decoder ${statistics}`,
		name: "vae",
		build: (flavour) => vae.decoder(vaeDims, flavour, statistics),
		options: pixels,
	});
	const vaeEncoder = (statistics?: NormStatistics): HostedNetwork => ({
		key: `vae encoder ${statistics}`,
		name: "vae",
		build: (flavour) => vae.encoder(vaeDims, flavour, statistics),
		options: pixels,
	});

	return {
		textConfigs,
		unetConfig,
		vaeConfig,
		encodesPictures: vae.hasEncoder,
		controlNets: controlNets.map(({ label }) => label),
		bytes: loadedBytes(all, precision),
		keepResident,
		begin: host.begin,
		sharesCalls: (dims) =>
			shares && 2 * flops(WHOLE_UNET, dims) <= MOST_JOINED_FLOPS,
		release() {
			texts.clear();
			return host.release();
		},
		run({
			unetRuns = Number.POSITIVE_INFINITY,
			adapters = NO_ADAPTERS,
			...user
		} = {}) {
			const level = often(unetRuns);
			const unetWeights = adaptedUnet(files.networks.unet.weights, adapters);
			let waited = 0;
			const counted: NetworkUser = {
				...user,
				onWaited: (seconds) => {
					waited += seconds;
					user.onWaited?.(seconds);
				},
			};
			const runVae = async (
				sessionOf: SessionOf,
				network: HostedNetwork,
				inputs: Readonly<Record<string, Tensor>>,
			) => {
				user.signal?.throwIfAborted();
				return runPrepared(await sessionOf(network), inputs, [counted]);
			};
			let isFirst = true;
			const unet: UnetRunner = {
				skipCount: skipFeatures(unetConfig).length,
				run: (part, inputs) =>
					host.use("unet", counted, async (sessionOf) => {
						const load = (wanted: UnetPart) =>
							sessionOf(unetPart(unetWeights, wanted, level));
						const session = await load(part);
						const next = isFirst && session.prepare && decoderHalfAfter(part);
						isFirst = false;
						if (next)
							await prepareTogether(
								[counted],
								[
									[session, inputs],
									[await load(next), decoderHalfSizes(unetConfig, inputs)],
								],
							);
						const given = session.inputs.includes("time_features")
							? withTimeFeatures(unetConfig, inputs)
							: inputs;
						const outputs = shares
							? await share({
									caller: counted,
									session,
									inputs: given,
									flops: flops(part, dimsOf(inputs)),
									signal: user.signal,
								})
							: await runPrepared(session, given, [counted]);
						await assertFinitePrediction(part, inputs, outputs, {
							weights: unetWeights.weights,
							open,
						});
						return outputs;
					}),
				flops,
			};
			const split = (runner: UnetRunner) =>
				maxRows === undefined ? runner : splitRows(runner, maxRows);
			return {
				unet: split(inHalves ? unetInHalves(unet) : unet),
				control: (net, image) =>
					split(
						controlRunner(controlNets[net], image, {
							host,
							user: counted,
							often: level,
							rare,
							open,
						}),
					),
				async encodeText(ids, { network = "text_encoder", ...wanted } = {}) {
					const dims = { batch: ids.length, tokens: ids[0].length };
					const name = network as AdaptedNetwork;
					const own = files.networks[network].weights;
					const text = adaptedText(name, own, adapters);
					const key = JSON.stringify([
						network,
						text.variant,
						sameKey(wanted),
						ids,
					]);
					user.signal?.throwIfAborted();
					return texts.of(key, () =>
						host.use("text", counted, async (sessionOf) => {
							const session = await sessionOf(
								textEncoder(network, text, wanted, dims),
							);
							const inputs = { input_ids: intRows(ids) };
							const outputs = await runPrepared(session, inputs, [counted]);
							const { weights } = text;
							for (const [name, output] of Object.entries(outputs))
								await assertFiniteOutput(
									`the text encoder, ${name.replaceAll("_", " ")}`,
									output,
									{ weights, open },
								);
							return outputs;
						}),
					);
				},
				decoding: (work) =>
					host.use(vaeGroup, counted, (sessionOf) => {
						const run = async (
							network: HostedNetwork,
							inputs: Readonly<Record<string, Tensor>>,
						) => {
							const { image, ...others } = await runVae(
								sessionOf,
								network,
								inputs,
							);
							await assertFiniteOutput("the VAE's decoder, image", image, {
								weights: files.networks.vae.weights,
								open,
							});
							return { image, others };
						};
						return work({
							decode: async (latents, statistics) =>
								(
									await run(vaeDecoder(statistics && "given"), {
										latents,
										...statistics,
									})
								).image,
							statistics: async (latents) =>
								(await run(vaeDecoder("told"), { latents })).others,
						});
					}),
				encoding: (work) =>
					host.use(vaeGroup, counted, (sessionOf) => {
						const run = async (
							network: HostedNetwork,
							inputs: Readonly<Record<string, Tensor>>,
						) => {
							const {
								mean,
								logvar = certain(mean),
								...others
							} = await runVae(sessionOf, network, inputs);
							const suspect = { weights: files.networks.vae.weights, open };
							await assertFiniteOutput(
								"the VAE's encoder, mean",
								mean,
								suspect,
							);
							return { moments: { mean, logvar }, others };
						};
						return work({
							encode: async (image, statistics) =>
								(
									await run(vaeEncoder(statistics && "given"), {
										image,
										...statistics,
									})
								).moments,
							statistics: async (image) =>
								(await run(vaeEncoder("told"), { image })).others,
						});
					}),
				waitedSeconds: () => waited,
			};
		},
	};
}

/** A whole UNet counts as its halves do, which both embed the timestep: a plain step costs the same in one graph and in two. */
function partsCounted(part: UnetPart): readonly UnetPart[] {
	const { encoder, decoder, observe, deepOutputs } = part;
	return encoder === "full" && decoder === "full" && !observe && !deepOutputs
		? [
				{ ...part, decoder: "none" },
				{ ...part, encoder: "none" },
			]
		: [part];
}

/** Makes networks ready for inputs of some sizes, all at the same time; it counts as waiting for them to be loaded. */
async function prepareTogether(
	users: readonly NetworkUser[],
	networks: readonly (readonly [
		Session,
		Readonly<Record<string, Pick<Tensor, "dims">>>,
	])[],
): Promise<void> {
	const started = performance.now();
	await Promise.all(
		networks.map(([session, sizes]) => session.prepare?.(sizes)),
	);
	const seconds = (performance.now() - started) / 1000;
	for (const { onWaited } of users) onWaited?.(seconds);
}

async function runPrepared(
	session: Session,
	inputs: Parameters<Session["run"]>[0],
	users: readonly NetworkUser[],
): Promise<Record<string, Tensor>> {
	if (session.prepare) await prepareTogether(users, [[session, inputs]]);
	return session.run(inputs);
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

/** The logarithm of no variance at all: of latents that are no distribution. */
function certain({ dims }: Tensor): Tensor {
	const logvar = tensor(dims);
	logvar.data.fill(Number.NEGATIVE_INFINITY);
	return logvar;
}

/** The same for equal parts and options, in whatever order their properties were written. */
function sameKey(part: UnetPart | ClipTextOptions): string {
	return JSON.stringify(
		Object.entries(part)
			.filter(([, value]) => value !== undefined)
			.sort(([a], [b]) => (a < b ? -1 : 1)),
	);
}

/** Bytes of all weights of some networks. */
export function weightBytes(networks: readonly NetworkFiles[]): number {
	let total = 0;
	for (const { weights } of networks)
		for (const { length } of weights.tensors.values()) total += length;
	return total;
}

/** Bytes of all weights of some networks as they are computed with. */
function loadedBytes(
	networks: readonly NetworkFiles[],
	precision: Precision = "float32",
): number {
	let values = 0;
	for (const { weights } of networks)
		for (const { shape } of weights.tensors.values())
			values += elementCount(shape);
	return values * (precision === "float32" ? 4 : 2);
}
