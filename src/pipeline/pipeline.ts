/// <reference lib="esnext.disposable" preserve="true" />

import { OptionError } from "../errors/optionError.js";
import { UserError } from "../errors/userError.js";
import type { EncodeImage } from "../image/encodedImage.js";
import type { RgbImage } from "../image/rgbImage.js";
import type { UnetConfig } from "../models/unetConfig.js";
import type { Conditioning } from "../propagation/denoiser.js";
import type { FindPlan } from "../propagation/findPlan.js";
import type { UnetRunner } from "../propagation/unetRunner.js";
import type { Engine } from "../runtime/engine.js";
import type { Precision } from "../runtime/session.js";
import { hasTensorShape, type Tensor } from "../tensor/tensor.js";
import { loadTokenizer } from "../tokenizer/loadTokenizer.js";
import { withTokens } from "../tokenizer/tokensBeyond.js";
import type { ModelFiles } from "../weights/folder/modelFiles.js";
import { tokensOf } from "./adaptedNetworks.js";
import { checkOptions } from "./checkOptions.js";
import { clipConditioner, type Tokenizers } from "./conditioner.js";
import { decodeLatents } from "./decodeLatents.js";
import {
	type DenoisedLatents,
	type DenoiseOptions,
	denoise,
} from "./denoise.js";
import type { DenoisingStep } from "./denoisingLoop.js";
import { draw } from "./draw.js";
import type { GeneratedImage, PipelineEvent } from "./generatedImage.js";
import { isGuided } from "./isGuided.js";
import { latentColours } from "./latentColours.js";
import { modelDefaults } from "./modelDefaults.js";
import { MODEL_HOOKS, MODEL_OPTIONS } from "./modelOptions.js";
import {
	type NetworkOptions,
	type NetworkRun,
	openNetworks,
} from "./networks.js";
import type { GenerateOptions } from "./options.js";
import { promptWarnings } from "./promptCut.js";
import type { FindLora, OpenAdapterFile } from "./runAdapters.js";
import { type RunSettings, runSettings } from "./runSettings.js";
import { checkStudied } from "./studied.js";
import { type TilingChoice, tilingOf } from "./tiling.js";
import { type TunedPlan, tunedPlans } from "./tunedPlans.js";
import { withNotices } from "./withNotices.js";

/** How a pipeline runs its networks, and how it uses memory. */
export interface PipelineOptions extends NetworkOptions {
	/** Makes the files of `GeneratedImage.encode`. Default: there is no such encoder. */
	readonly encodeImage?: EncodeImage;
	/** Where the key steps `auto` look for the plan that was tuned for the model. */
	readonly findPlan?: FindPlan;
	/** The folder of the LoRAs that prompts name, as in `<lora:NAME:0.8>`. */
	readonly loraDir?: string;
	/** Opens LoRAs and embeddings that paths and Hub ids name. Default: only their content can be given. */
	readonly openAdapterFile?: OpenAdapterFile;
	/** What the autoencoder is called that stands in place of the model's own. */
	readonly vae?: string;
	/** Finds LoRAs that prompts name. Default: prompts name none but `ownLoras`. */
	readonly findLora?: FindLora;
	/** The LoRAs that come with the model, which prompts may name, and what `openAdapterFile` opens them by. */
	readonly ownLoras?: Readonly<Record<string, string>>;
}

/** A loaded model, ready to draw. Several runs may go on at the same time: each makes the images that it would make alone. */
export interface Pipeline {
	/** What the model was called when it was loaded. */
	readonly label: string;
	/** Ten hexadecimal digits that tell models apart. */
	readonly hash: string;
	/** What runs its networks, and what they compute in. */
	readonly engine: string;
	readonly engineVersion: string;
	readonly precision: Precision;
	/** Bytes that its networks' weights take once all of them are loaded. */
	readonly networkBytes: number;
	/** What the control nets beside it are called. */
	readonly controlNets: readonly string[];
	/** The options with every default filled in. @throws UserError when one is wrong. */
	settings(options: GenerateOptions): RunSettings;
	/**
	 * Whether a run of these settings gains from others of its size that go on at the same time, since they call the UNet together: small pictures,
	 * with the option `shareCalls`.
	 */
	sharesCalls(settings: RunSettings): boolean;
	/** The plans that were tuned for a run of this model, the slowest first. @throws UserError when an option is wrong. */
	tunedPlans(options: GenerateOptions): TunedPlan[];
	/**
	 * Draws, telling each step and each image as it is done, and when networks are loaded. A consumer that stops iterating stops the run.
	 * When it is aborted while it denoises, images whose latents are finished are still given out before the abort is thrown.
	 * @throws UserError at once when an option is wrong
	 */
	stream(options: GenerateOptions): AsyncGenerator<PipelineEvent, void>;
	/** Draws; the images, in order. */
	generate(options: GenerateOptions): Promise<GeneratedImage[]>;
	/** Frees the networks' memory as soon as no run is in a network. The pipeline may be used again: they are loaded anew. */
	release(): Promise<void>;
	/** `release`, for `await using`. */
	[Symbol.asyncDispose](): Promise<void>;

	/** The layout of its UNet. */
	readonly unetConfig: UnetConfig;
	/** The UNet in parts, for studies of its features. */
	readonly unet: UnetRunner;
	/** Dims `[channels, height, width]` of the latents of one image of this size in pixels. */
	latentShape(size: {
		readonly width: number;
		readonly height: number;
	}): number[];
	/** What the texts of a run guide it by, for one image. */
	encodePrompts(
		settings: RunSettings,
		signal?: AbortSignal,
	): Promise<Conditioning>;
	/** A run from noise, or from any step on, to its final latents, with what it cost. */
	denoise(
		options: DenoiseOptions,
	): AsyncGenerator<DenoisingStep, DenoisedLatents>;
	/**
	 * The images of latents `[n, channels, height, width]`.
	 * @throws OptionError when they are none of this model; UserError with the code "not_finite" when an image is not finite
	 */
	decode(
		latents: Tensor,
		options?: TilingChoice & { readonly signal?: AbortSignal },
	): Promise<RgbImage[]>;
}

/** A pipeline over a model's files; nothing is loaded before it is first needed. */
export function createPipeline(
	files: ModelFiles,
	engine: Engine,
	options: PipelineOptions = {},
): Pipeline {
	checkOptions(MODEL_OPTIONS, options, MODEL_HOOKS);
	const networks = openNetworks(files, engine, options);
	const { unetConfig, vaeConfig } = networks;
	const tokenizers = Object.fromEntries(
		Object.entries(files.tokenizers).map(([name, texts]) => [
			name,
			// tokenizer_2 is that of text_encoder_2
			loadTokenizer(
				texts,
				`${files.label}/${name}`,
				networks.textConfigs[name.replace("tokenizer", "text_encoder")],
			),
		]),
	) as Tokenizers;
	const conditioner = clipConditioner(tokenizers, unetConfig);
	const model = {
		label: files.label,
		hash: files.hash,
		engine: engine.name,
		precision: options.precision ?? "float32",
		controlNets: networks.controlNets,
		...(options.vae !== undefined && { vae: options.vae }),
	};
	const defaults = modelDefaults(
		files,
		networks,
		engine.gainsFromBatches(options.device ?? "cpu"),
		options.findPlan,
		(name) =>
			options.findLora !== undefined ||
			Object.hasOwn(options.ownLoras ?? {}, name),
	);
	const colours = latentColours(
		files.latentColours,
		vaeConfig,
		`${files.label}/latent_colours.json`,
	);
	const latentShape: Pipeline["latentShape"] = ({ width, height }) => [
		vaeConfig.latentChannels,
		height / defaults.factor,
		width / defaults.factor,
	];

	/** As `runSettings`, with what the model says about the noise it starts from and the length of its prompts. */
	function checkedSettings(request: GenerateOptions): RunSettings {
		const settings = runSettings(request, defaults);
		checkInitialNoise(request.initialNoise, [
			settings.numImages,
			...latentShape(settings),
		]);
		const { warnings } = settings;
		// what embeddings are long is known when they are open
		if (request.embeddings?.length) return settings;
		return {
			...settings,
			warnings: [
				...warnings,
				...promptWarnings(settings, tokenizers.tokenizer),
			],
		};
	}

	/** What a run's LoRAs and embeddings make of the networks, the tokenizer and the settings. */
	async function withAdapters(settings: RunSettings, signal?: AbortSignal) {
		const { loras = [], embeddings = [] } = settings.options;
		if (loras.length + embeddings.length + settings.loraTags.length === 0)
			return { settings, networks, conditioner, warnings: [] };
		if (embeddings.length > 0 && Object.keys(tokenizers).length > 1)
			throw new OptionError(
				"embeddings",
				"textual inversions of models with two text encoders cannot be used",
			);
		// most runs have none: a page need not fetch what reads them
		const { openRunAdapters } = await import("./runAdapters.js");
		const opened = await openRunAdapters(settings, {
			...options,
			model: files,
			features: networks.textConfigs.text_encoder.features,
			signal,
		});
		const known = withTokens(
			tokenizers.tokenizer,
			tokensOf(opened.embeddings, networks.textConfigs.text_encoder.vocabSize),
		);
		return {
			settings: opened.settings,
			networks: {
				...networks,
				run: (run: NetworkRun = {}) =>
					networks.run({ ...run, adapters: opened }),
			},
			conditioner: clipConditioner(
				{ ...tokenizers, tokenizer: known },
				unetConfig,
			),
			warnings: [
				...opened.warnings,
				...(embeddings.length > 0 ? promptWarnings(settings, known) : []),
			],
		};
	}

	function stream(
		request: GenerateOptions,
	): AsyncGenerator<PipelineEvent, void> {
		const settings = checkedSettings(request);
		return withNotices<PipelineEvent, PipelineEvent>(async function* (tell) {
			for (const warning of settings.warnings)
				tell({ kind: "warning", ...warning });
			const adapted = await withAdapters(settings, request.signal);
			for (const warning of adapted.warnings)
				tell({ kind: "warning", ...warning });
			yield* draw({
				networks: adapted.networks,
				conditioner: adapted.conditioner,
				latentShape: latentShape(settings),
				settings: adapted.settings,
				request,
				model,
				colours,
				encodeImage: options.encodeImage ?? noEncoder,
				onLoading: (notice) => tell({ kind: "loading", ...notice }),
			});
		});
	}

	return {
		...model,
		networkBytes: networks.bytes,
		engineVersion: engine.version,
		settings: checkedSettings,
		sharesCalls(settings) {
			const { loras = [], embeddings = [] } = settings.options;
			// networks of their own: several at a time would only be loaded in turns
			if (settings.loraTags.length + loras.length + embeddings.length > 0)
				return false;
			const { width, height } = settings.hires ?? settings;
			const guided = isGuided(settings.guidanceScale, unetConfig);
			const [, ...size] = latentShape({ width, height });
			return networks.sharesCalls({
				batch: settings.batchSize * (guided ? 2 : 1),
				height: size[0],
				width: size[1],
				tokens: networks.textConfigs.text_encoder.maxTokens,
			});
		},
		tunedPlans({ keySteps: _, injectNoise: __, injectUntil: ___, ...run }) {
			const settle = (change: Partial<GenerateOptions>) =>
				checkedSettings({ ...run, ...change });
			return tunedPlans(settle({}), defaults, settle);
		},
		stream,
		async generate(request) {
			const images: GeneratedImage[] = [];
			for await (const event of stream(request))
				if (event.kind === "image") images.push(event.result);
			return images;
		},
		release: networks.release,
		[Symbol.asyncDispose]: networks.release,
		unetConfig,
		unet: networks.run().unet,
		latentShape,
		async encodePrompts(settings, signal) {
			checkStudied(settings);
			return conditioner(networks.run({ signal }), settings);
		},
		denoise: (run) => denoise(networks.run({ signal: run.signal }), run),
		async decode(latents, { signal, ...choice } = { tiledDecoding: false }) {
			checkLatents(latents, vaeConfig.latentChannels);
			return networks
				.run({ signal })
				.decoding((decode) =>
					decodeLatents(
						decode,
						vaeConfig,
						latents,
						tilingOf(choice, vaeConfig),
					),
				);
		},
	};
}

function noEncoder(): never {
	throw new UserError("this pipeline was made without an encoder of images", {
		code: "unsupported",
	});
}

/** @throws OptionError when a caller's latents cannot be decoded */
function checkLatents(latents: unknown, channels: number): void {
	if (
		!hasTensorShape(latents) ||
		latents.dims.length !== 4 ||
		latents.dims[1] !== channels
	)
		throw new OptionError(
			"latents",
			`they are no tensor [images, ${channels}, height, width] of 32-bit numbers`,
		);
}

function checkInitialNoise(
	noise: Tensor | undefined,
	expected: readonly number[],
): void {
	if (!noise) return;
	if (noise.dims.join() !== expected.join())
		throw new OptionError(
			"initialNoise",
			`it is [${noise.dims.join(", ")}], but this run needs [${expected.join(", ")}]`,
		);
}
