import { autoencoder } from "../models/autoencoder.js";
import {
	type ClipTextConfig,
	parseClipTextConfig,
} from "../models/clipConfig.js";
import { parseUnetConfig, type UnetConfig } from "../models/unetConfig.js";
import type { UnetDims } from "../models/unetPart.js";
import type { AutoencoderConfig } from "../models/vaeConfig.js";
import type { UnetRunner } from "../propagation/unetRunner.js";
import type { Engine } from "../runtime/engine.js";
import type { Device, Precision, SessionOptions } from "../runtime/session.js";
import type { Tensor } from "../tensor/tensor.js";
import type { ModelFiles } from "../weights/folder/modelFiles.js";
import { requireKind } from "../weights/folder/modelKind.js";
import type { OpenWeightFile } from "../weights/formats/weightFile.js";
import { NO_ADAPTERS, type RunAdapters } from "./adaptedNetworks.js";
import {
	type ControlNetFiles,
	controlNetwork,
	controlRunner,
} from "./controlNetworks.js";
import {
	type HostedAutoencoder,
	hostedAutoencoder,
} from "./hostedAutoencoder.js";
import { type EncodeText, hostedTextEncoders } from "./hostedTextEncoders.js";
import { hostedUnet } from "./hostedUnet.js";
import { loadedBytes, SMALL_MODEL, weightBytes } from "./networkBytes.js";
import { type NetworkUser, networkHost } from "./networkHost.js";
import { splitRows } from "./splitRows.js";
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
	/** Whether encoded prompts are kept for when they come again. Default: true. Where runs are timed each has to encode its own. */
	readonly keepTexts?: boolean;
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

/** The networks as one run uses them. */
export interface RunNetworks extends HostedAutoencoder {
	readonly encodeText: EncodeText;
	readonly unet: UnetRunner;
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
	const hosting = { host, open };
	const texts = hostedTextEncoders(textConfigs, files.networks, {
		...hosting,
		options: exact,
		keep: options.keepTexts ?? true,
	});
	const unet = hostedUnet(unetConfig, files.networks.unet, {
		...hosting,
		shares: shareCalls && maxRows === undefined,
	});
	const pictures = hostedAutoencoder(vae, files.networks.vae, {
		...hosting,
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
		sharesCalls: unet.sharesCalls,
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
			let waited = 0;
			const counted: NetworkUser = {
				...user,
				onWaited: (seconds) => {
					waited += seconds;
					user.onWaited?.(seconds);
				},
			};
			const whole = unet.runner(counted, adapters, level);
			const split = (runner: UnetRunner) =>
				maxRows === undefined ? runner : splitRows(runner, maxRows);
			return {
				...pictures(counted),
				unet: split(inHalves ? unetInHalves(whole) : whole),
				encodeText: texts.encoder(counted, adapters),
				control: (net, image) =>
					split(
						controlRunner(controlNets[net], image, {
							...hosting,
							user: counted,
							often: level,
							rare,
						}),
					),
				waitedSeconds: () => waited,
			};
		},
	};
}
