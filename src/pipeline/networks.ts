import type { Graph } from "../graph/graph.js";
import {
	type ClipTextConfig,
	parseClipTextConfig,
} from "../models/clipConfig.js";
import { buildClipText } from "../models/clipText.js";
import { buildUnet, unetFlops } from "../models/unet.js";
import { parseUnetConfig, type UnetConfig } from "../models/unetConfig.js";
import { skipFeatures } from "../models/unetLayout.js";
import { parseVaeConfig, type VaeConfig } from "../models/vaeConfig.js";
import { buildVaeDecoder } from "../models/vaeDecoder.js";
import { buildVaeEncoder } from "../models/vaeEncoder.js";
import type { UnetRunner } from "../propagation/unetRunner.js";
import {
	type Device,
	intRows,
	type SessionOptions,
} from "../runtime/session.js";
import type { Tensor } from "../tensor/tensor.js";
import type { ModelFiles } from "../weights/folder/modelFiles.js";
import { type LazySession, lazySession } from "./lazySession.js";

/** How networks are run. */
export interface NetworkOptions {
	/** Default `cpu`. */
	readonly device?: Device;
	/** Threads inside an operator; default: as many as there are cores. */
	readonly threads?: number;
	/**
	 * `extended` loads fast and leaves the weights mapped from their files; `all` runs faster and takes longer to load.
	 * `auto` (default) takes `all` where the run is long enough to be worth it.
	 */
	readonly optimization?: "auto" | "extended" | "all";
}

/** The networks of a model. Each is loaded when it is first run. */
export interface Networks {
	readonly textConfig: ClipTextConfig;
	readonly unetConfig: UnetConfig;
	readonly vaeConfig: VaeConfig;
	/** Text states `[prompts, tokens, features]` of token ids, one row a prompt. */
	encodeText(
		ids: readonly (readonly number[])[],
		clipSkip?: number,
	): Promise<Tensor>;
	readonly unet: UnetRunner;
	/** Latents divided by the scaling factor `[n, 4, h, w]` to images `[n, 3, 8h, 8w]`, about −1 to 1. */
	readonly vaeDecoder: LazySession;
	/** Images `[n, 3, h, w]` in −1 to 1 to `moments` of latents. */
	readonly vaeEncoder: LazySession;
	releaseText(): Promise<void>;
	releaseVae(): Promise<void>;
	/** Seconds spent loading networks so far. */
	loadSeconds(): number;
	/** Tells how many UNet runs are to come, which decides how long loading it may take. */
	expectRuns(count: number): void;
}

/** Runs after which the faster network has made up for its longer loading (5 s and 12 % of 6 s for SD v1.5 at 512 x 512). */
const WORTH_OPTIMIZING = 8;

/**
 * The networks of a model's files.
 * @throws UserError when a config is malformed or asks for what is not supported
 */
export function openNetworks(
	files: ModelFiles,
	options: NetworkOptions = {},
): Networks {
	const { device, threads, optimization = "auto" } = options;
	const unetConfig = parseUnetConfig(
		files.unet.config,
		`${files.label}: unet/config.json`,
	);
	const textConfig = parseClipTextConfig(
		files.textEncoder.config,
		`${files.label}: text_encoder/config.json`,
	);
	const vaeConfig = parseVaeConfig(
		files.vae.config,
		`${files.label}: vae/config.json`,
	);
	let expected = Number.POSITIVE_INFINITY;
	const once = () => ({ device, threads, optimization: "extended" as const });
	const often = () => ({
		device,
		threads,
		optimization:
			optimization !== "auto"
				? optimization
				: expected >= WORTH_OPTIMIZING
					? ("all" as const)
					: ("extended" as const),
	});

	let loadSeconds = 0;
	const lazy = (build: () => Graph, level: () => SessionOptions) =>
		lazySession(build, level, (seconds) => {
			loadSeconds += seconds;
		});
	const text = new Map<number, LazySession>();
	const parts = new Map<string, LazySession>();
	const flops = new Map<string, number>();
	// the graphs are dynamic: these sizes are only counted with
	const nominal = { batch: 1, height: 64, width: 64, tokens: 77 };
	const vaeDims = { batch: 1, height: 64, width: 64 };

	const unet: UnetRunner = {
		skipCount: skipFeatures(unetConfig).length,
		run(part, inputs) {
			const key = JSON.stringify(part);
			let session = parts.get(key);
			if (!session) {
				session = lazy(
					() => buildUnet(unetConfig, files.unet.weights, part, nominal),
					often,
				);
				parts.set(key, session);
			}
			return session.run(inputs);
		},
		flops(part, dims) {
			const key = JSON.stringify([part, dims]);
			let count = flops.get(key);
			if (count === undefined) {
				count = unetFlops(unetConfig, part, dims);
				flops.set(key, count);
			}
			return count;
		},
		async release() {
			for (const session of parts.values()) await session.release();
			parts.clear();
		},
	};

	const vaeDecoder = lazy(
		() => buildVaeDecoder(vaeConfig, files.vae.weights, vaeDims),
		once,
	);
	const vaeEncoder = lazy(
		() => buildVaeEncoder(vaeConfig, files.vae.weights, vaeDims),
		once,
	);

	return {
		textConfig,
		unetConfig,
		vaeConfig,
		unet,
		vaeDecoder,
		vaeEncoder,
		async encodeText(ids, clipSkip = 0) {
			let session = text.get(clipSkip);
			if (!session) {
				session = lazy(
					() =>
						buildClipText(
							textConfig,
							files.textEncoder.weights,
							{ clipSkip },
							{ batch: ids.length, tokens: ids[0].length },
						),
					once,
				);
				text.set(clipSkip, session);
			}
			return (await session.run({ input_ids: intRows(ids) })).hidden_states;
		},
		async releaseText() {
			for (const session of text.values()) await session.release();
			text.clear();
		},
		async releaseVae() {
			await vaeDecoder.release();
			await vaeEncoder.release();
		},
		loadSeconds: () => loadSeconds,
		expectRuns(count) {
			expected = count;
		},
	};
}
