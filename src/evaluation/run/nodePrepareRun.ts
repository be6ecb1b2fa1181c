import { readKeySteps } from "../../accelerators/planWords.js";
import { captionsHash } from "../../datasets/nodeCaptionsHash.js";
import type { DatasetPlace } from "../../datasets/nodeOpenDataset.js";
import {
	type OpenDataset,
	openDataset,
} from "../../datasets/nodeOpenDataset.js";
import {
	type ResolvedProtocol,
	resolveProtocol,
} from "../../datasets/protocol.js";
import { OptionError } from "../../errors/optionError.js";
import { UserError } from "../../errors/userError.js";
import { cutCaptions } from "../../metrics/clipScore.js";
import {
	type LoadOptions,
	openModelFiles,
} from "../../pipeline/nodeLoadPipeline.js";
import { createPipeline, type Pipeline } from "../../pipeline/pipeline.js";
import type { Progress } from "../../pipeline/progress.js";
import { nodeFindPlan } from "../../propagation/nodeFindTunedPlan.js";
import { chooseEngine } from "../../runtime/nodeEngines.js";
import { openTogether } from "../../runtime/openTogether.js";
import { openNodeWeightFile } from "../../weights/formats/nodeModelFolder.js";
import {
	type CommonOptions,
	givenOf,
	optionalFields,
} from "../methods/commonOptions.js";
import type { Method } from "../methods/method.js";
import type { SettledMethod } from "../methods/methodRun.js";
import { settleMethods } from "../methods/nodeSettleMethods.js";
import {
	openScorer,
	type Scorer,
	type ScorerOptions,
} from "../scoring/nodeScorer.js";
import { referencesFirst } from "./nodeDrawing.js";
import { modelHashes } from "./nodeModelHashes.js";
import { openRunFolder, readRunDefinition } from "./nodeRunFolder.js";
import type { ImageRecord } from "./record.js";
import type { RunDefinition } from "./runDefinition.js";

/** A share of the captions: every `count`-th, from `index` (0-based) on. */
export interface Shard {
	readonly index: number;
	readonly count: number;
}

/** Everything an evaluation needs to be told. */
export interface EvaluationRequest {
	readonly out: string;
	/** `val-5k`, `paper-10k`, `every-image` or `smoke-N`. */
	readonly protocol: string;
	readonly dataset: DatasetPlace;
	readonly methods: readonly Method[];
	/** The embedded model by default. */
	readonly model: string | undefined;
	readonly modelOptions: LoadOptions;
	readonly scoring: ScorerOptions;
	readonly common: CommonOptions;
	/** Seed of the first caption; the others follow. */
	readonly seed: number;
	/** Images of so many captions are kept; Infinity: all; negative: all of a small run, else of 16 captions. */
	readonly keepImages: number;
	/** The share of broken or missing images above which the set is refused. */
	readonly limit?: number;
	readonly shard?: Shard;
	readonly signal?: AbortSignal;
	readonly onProgress?: (progress: EvaluationProgress) => void;
	/** Things to know, a line each. */
	readonly onNote?: (line: string) => void;
}

/** How far an evaluation is. */
export interface EvaluationProgress extends Progress {
	readonly stage: "real images" | "warm-up" | "images";
	/** The image that was just recorded. */
	readonly record?: ImageRecord;
}

/** A run that is ready to go: networks open, folder there. */
export interface PreparedRun {
	readonly request: EvaluationRequest;
	readonly definition: RunDefinition;
	readonly captions: ResolvedProtocol;
	readonly dataset: OpenDataset;
	readonly pipeline: Pipeline;
	readonly scorer: Scorer;
	/** As `referencesFirst` orders them. */
	readonly methods: readonly SettledMethod[];
	release(): Promise<void>;
}

const OPTIONAL = Object.keys(optionalFields) as (keyof typeof optionalFields)[];

/** Images up to which all are kept, and captions whose images are kept beyond it. */
const SMALL_RUN = 5000;
const KEPT_CAPTIONS = 16;

/** Options of a model that an evaluation refuses: its methods draw from captions and noise alone. */
export const NOT_EVALUATED = ["controlnet", "loraDir"] as const;

/** The pipeline of an evaluation: all networks stay loaded, and are optimized for a long run. */
export async function openEvaluationPipeline(
	model: string | undefined,
	options: LoadOptions,
): Promise<{ pipeline: Pipeline; hashes: RunDefinition["model"] }> {
	for (const name of NOT_EVALUATED)
		if (options[name] !== undefined)
			throw new OptionError(
				name,
				"an evaluation draws from captions and noise alone",
			);
	const files = await openModelFiles(model, options);
	// results must be comparable: what computes them is not left to what a machine has
	const { engine, precision } = await chooseEngine({
		engine: options.engine ?? "onnxruntime",
		precision: options.precision ?? "float32",
		device: options.device,
	});
	const pipeline = createPipeline(files, engine, {
		openWeightFile: openNodeWeightFile,
		findPlan: nodeFindPlan(files.folder),
		...options,
		precision,
		optimization: options.optimization ?? "all",
		keepResident: true,
		// a caption is drawn by many methods: the first would encode it for all, and pay for all
		keepTexts: false,
	});
	return { pipeline, hashes: { ...(await modelHashes(files)), precision } };
}

/**
 * Opens data, model and judging networks, settles the methods, and makes the run folder or takes up the one that is there.
 * @throws UserError when something is missing, malformed, or of another run
 */
export async function prepareRun(
	request: EvaluationRequest,
): Promise<PreparedRun> {
	const { out, common, signal } = request;
	const there = await readRunDefinition(out);
	return openTogether(async (keep) => {
		const dataset = await openDataset(request.dataset, {
			limit: request.limit,
		});
		keep({ release: () => dataset.source?.close() });
		const captions = resolveProtocol(request.protocol, dataset, request.seed);
		for (const [what, { length }] of [
			["captions", captions.entries],
			["real images", captions.reals],
		] as const)
			if (length < 2)
				throw new UserError(
					`${dataset.label}: ${request.protocol} has ${length} ${what}; distances need at least 2`,
				);
		const { pipeline, hashes } = await openEvaluationPipeline(
			request.model,
			request.modelOptions,
		);
		keep(pipeline);
		const scorer = keep(await openScorer({ ...request.scoring, signal }));
		const cut = cutCaptions(
			captions.entries.map(({ caption }) => caption),
			scorer.unread,
		);
		if (cut) request.onNote?.(cut);
		const kept = new Map(there?.methods.map((method) => [method.name, method]));
		const known = request.methods.every(({ name }) => kept.has(name));
		// what was measured or found for them when the run began
		const methods = known
			? request.methods.map((method) => {
					const before = kept.get(method.name);
					return {
						...method,
						...(readKeySteps(method.keySteps).states === "auto" ? before : {}),
						run: before?.run ?? method.steps,
					};
				})
			: await settleMethods(request.methods, pipeline, common, signal);
		if (
			request.shard &&
			!known &&
			methods.some(
				({ fewer }) =>
					fewer?.by === "time" ||
					(fewer && readKeySteps(fewer.plan).accelerator),
			)
		)
			throw new OptionError(
				"shard",
				"fewer steps at equal time, or at the cost of an accelerator, are measured, and every machine would measure another number; use +fewer-flops and key steps, or a number of steps",
			);
		const settings = pipeline.settings({ ...common, prompt: "" });
		const definition: RunDefinition = {
			format: 1,
			protocol: {
				name: captions.protocol,
				version: captions.version,
				images: captions.entries.length,
				reals: captions.reals.length,
				captions: captionsHash(captions),
				reals_cut: "centre square",
			},
			model: hashes,
			image: {
				width: settings.width,
				height: settings.height,
				guidanceScale: settings.guidanceScale,
				negativePrompt: settings.negativePrompt,
				rng: settings.rng,
				...givenOf(common, OPTIONAL),
			},
			scoring: scorer.description,
			// without keys that are undefined, as it will be read back
			methods: JSON.parse(JSON.stringify(methods)) as RunDefinition["methods"],
		};
		await openRunFolder(out, definition, captions);
		const images = captions.entries.length * methods.length;
		const keepImages =
			request.keepImages >= 0
				? request.keepImages
				: images <= SMALL_RUN
					? Number.POSITIVE_INFINITY
					: KEPT_CAPTIONS;
		return {
			request: { ...request, keepImages },
			definition,
			captions,
			dataset,
			pipeline,
			scorer,
			methods: referencesFirst(definition.methods as SettledMethod[]),
		};
	});
}
