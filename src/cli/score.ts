import { type Command, Option } from "commander";
import { UserError } from "../errors/userError.js";
import {
	type MetricName,
	type MetricResult,
	metricNames,
	type ScoreRequest,
	type ScoreResult,
} from "../evaluation/scoring/scoreRequest.js";
import {
	type FidVariant,
	fidVariants,
} from "../metrics/inceptionPreprocessing.js";
import { frechetThread } from "../metrics/nodeFrechetThread.js";
import { type LpipsTrunk, lpipsTrunks } from "../models/lpips.js";
import { type Device, devices } from "../runtime/session.js";
import { interruptSignal } from "./interrupt.js";
import { writableFile } from "./outputPlace.js";
import { parseNumber, parseWhole } from "./parseFlag.js";
import { progressBars } from "./progressBars.js";

interface ScoreFlags {
	readonly metrics?: string;
	readonly captions?: string;
	readonly fidVariant: FidVariant;
	readonly referenceSquare?: number;
	readonly inceptionWeights?: string;
	readonly clip?: string;
	readonly lpipsWeights?: string[];
	readonly lpipsTrunk: LpipsTrunk;
	readonly kidSubsets: number;
	readonly kidSubsetSize: number;
	readonly saveStatistics?: string;
	readonly batch: number;
	readonly maxBroken: number;
	readonly device: Device;
	readonly threads?: number;
	readonly json?: boolean;
	readonly quiet?: boolean;
}

const EXAMPLES = `
Examples:
  $ fdiff score out/fast coco/val2017.zip                                       FID, as torch-fidelity computes it
  $ fdiff score out/fast coco/val2017.zip --metrics fid,kid,is --fid-variant clean-fid
  $ fdiff score coco/val2017.zip --metrics fid --save-statistics coco.npz       statistics once, reused as the reference
  $ fdiff score out/fast coco.npz
  $ fdiff score out/fast --captions out/captions.jsonl --clip openai/clip-vit-base-patch32
  $ fdiff score out/fast out/plain --metrics psnr,ssim,lpips --lpips-weights alexnet.pth alex.pth

Metrics: fid, kid, is (Inception v3 of 2015-12-05, fetched once and checked), clip (torchmetrics' and Hessel et al.'s),
clip-fd (Fréchet distance of CLIP embeddings), cmmd, and psnr, ssim, lpips of images of the same name in both.
Folders and zips are read as they are. Results name the variant: only results of the same variant, counts and
preparation are comparable.`;

/** Adds `score GENERATED [REFERENCE]` to the program. */
export function addScoreCommand(program: Command): void {
	program
		.command("score")
		.description("metrics of a folder of images")
		.argument("<generated>", "folder or zip of images")
		.argument(
			"[reference]",
			"folder or zip of images, or statistics (.npz, pytorch-fid's too)",
		)
		.option("--metrics <list>", `comma-separated: ${metricNames.join(", ")}`)
		.option(
			"--captions <file>",
			"captions of the generated images: COCO JSON, JSON or JSONL rows, CSV",
		)
		.addOption(
			new Option("--fid-variant <name>", "whose FID")
				.choices(fidVariants)
				.default("torch-fidelity"),
		)
		.option(
			"--reference-square <pixels>",
			"cut reference images to the square in their middle, of this size",
			parseWhole,
		)
		.option(
			"--inception-weights <file>",
			"pt_inception-2015-12-05 as .pth or .safetensors",
		)
		.option("--clip <model>", "CLIP model: folder or Hub id")
		.option("--lpips-weights <file...>", "weights of the trunk and of LPIPS")
		.addOption(
			new Option("--lpips-trunk <name>", "network of LPIPS")
				.choices(lpipsTrunks)
				.default("alex"),
		)
		.option("--kid-subsets <count>", "subsets of KID", parseWhole, 100)
		.option("--kid-subset-size <count>", "images a subset", parseWhole, 1000)
		.option(
			"--save-statistics <file>",
			"store FID statistics of the reference (else of the generated images) as .npz",
		)
		.option("--batch <count>", "images at a time", parseWhole, 16)
		.option(
			"--max-broken <share>",
			"share of images that may be broken or unmatched",
			parseNumber,
			0.01,
		)
		.addOption(
			new Option("--device <name>", "what the networks run on")
				.choices(devices)
				.default("cpu"),
		)
		.option("--threads <count>", "threads of the processor", parseWhole)
		.option("--json", "one JSON object on stdout")
		.option("--quiet", "no progress")
		.addHelpText("after", EXAMPLES)
		.action(
			async (
				generated: string,
				reference: string | undefined,
				flags: ScoreFlags,
			) => {
				const { scoreImages } = await import(
					"../evaluation/scoring/nodeScoreImages.js"
				);
				const { saveStatistics } = flags;
				if (saveStatistics !== undefined)
					await writableFile("--save-statistics", saveStatistics, true);
				const { request, stop } = requestOf(generated, reference, flags);
				let result: ScoreResult;
				try {
					result = await scoreImages(request);
				} finally {
					await stop();
				}
				if (flags.json) {
					process.stdout.write(`${JSON.stringify(result)}\n`);
					return;
				}
				for (const { what, names } of result.problems)
					process.stderr.write(
						`${names.length} ${what}: ${names.slice(0, 5).join(", ")}${names.length > 5 ? ", …" : ""}\n`,
					);
				for (const metric of result.metrics)
					process.stdout.write(`${resultLine(metric)}\n`);
				for (const { metric, warnings } of result.metrics)
					for (const warning of warnings)
						process.stderr.write(`${metric}: ${warning}\n`);
				if (flags.saveStatistics)
					process.stdout.write(`${flags.saveStatistics}\n`);
			},
		);
}

function requestOf(
	generated: string,
	reference: string | undefined,
	flags: ScoreFlags,
): { request: ScoreRequest; stop: () => Promise<void> } {
	const atLeast = (flag: string, value: number | undefined, least: number) => {
		if (value !== undefined && value < least)
			throw new UserError(`${flag} must be at least ${least}, not ${value}`, {
				code: "usage",
			});
	};
	atLeast("--batch", flags.batch, 1);
	atLeast("--threads", flags.threads, 1);
	atLeast("--kid-subsets", flags.kidSubsets, 1);
	atLeast("--kid-subset-size", flags.kidSubsetSize, 2);
	atLeast("--reference-square", flags.referenceSquare, 1);
	if (!(flags.maxBroken >= 0 && flags.maxBroken <= 1))
		throw new UserError(
			`--max-broken must be from 0 to 1, not ${flags.maxBroken}`,
			{ code: "usage" },
		);
	const bars = progressBars(flags.quiet ?? flags.json ?? false);
	const signal = interruptSignal();
	const frechet = frechetThread(signal);
	const request: ScoreRequest = {
		frechet,
		generated,
		...(reference ? { reference } : {}),
		metrics: metricsOf(reference, flags),
		...optional(flags),
		fidVariant: flags.fidVariant,
		lpipsTrunk: flags.lpipsTrunk,
		kidSubsets: flags.kidSubsets,
		kidSubsetSize: flags.kidSubsetSize,
		batch: flags.batch,
		limit: flags.maxBroken,
		session: {
			device: flags.device,
			...(flags.threads ? { threads: flags.threads } : {}),
		},
		signal,
		onProgress: bars.update,
	};
	const stop = async () => {
		bars.stop();
		await frechet.release();
	};
	return { request, stop };
}

function optional(flags: ScoreFlags) {
	const { captions, referenceSquare, inceptionWeights, clip } = flags;
	const { lpipsWeights, saveStatistics } = flags;
	return Object.fromEntries(
		Object.entries({
			captions,
			referenceSquare,
			inceptionWeights,
			clip,
			lpipsWeights,
			saveStatistics,
		}).filter(([, value]) => value !== undefined),
	);
}

/** The metrics named, else what the given files are for. */
function metricsOf(
	reference: string | undefined,
	{ metrics, captions, clip, saveStatistics }: ScoreFlags,
): MetricName[] {
	const known = (name: string): name is MetricName =>
		metricNames.some((metric) => metric === name);
	if (metrics === undefined) {
		const chosen: MetricName[] = [];
		if (reference) chosen.push("fid");
		if (captions && clip) chosen.push("clip");
		if (chosen.length > 0 || saveStatistics) return chosen;
		throw new UserError(
			"nothing to score: give a reference for FID, --captions and --clip for the CLIP score, or --metrics",
			{ code: "usage" },
		);
	}
	const names = metrics.split(",").map((name) => name.trim().toLowerCase());
	for (const name of names)
		if (!known(name))
			throw new UserError(
				`--metrics: "${name}" is none of ${metricNames.join(", ")}`,
				{ code: "usage" },
			);
	return [...new Set(names.filter(known))];
}

/** "fid 21.3456  torch-fidelity; 5000 and 5000 images; Inception v3 …" */
function resultLine(result: MetricResult): string {
	const { metric, variant, value, deviation, low, high, counts } = result;
	const digits = (x: number) => x.toPrecision(6);
	const spread =
		deviation !== undefined
			? ` ± ${digits(deviation)}`
			: low !== undefined && high !== undefined
				? ` [${digits(low)}, ${digits(high)}]`
				: "";
	return `${metric.padEnd(8)}${digits(value)}${spread}  ${variant}; ${counts.join(" and ")} images; ${result.madeWith}`;
}
