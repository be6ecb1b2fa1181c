import type { ProtocolEntry } from "../../datasets/protocol.js";
import { sha256 } from "../../files/nodeSha256.js";
import type { RgbImage } from "../../image/rgbImage.js";
import { psnr } from "../../metrics/psnr.js";
import { ssim } from "../../metrics/ssim.js";
import type { Pipeline } from "../../pipeline/pipeline.js";
import type { CommonOptions } from "../methods/commonOptions.js";
import { methodOptions, type SettledMethod } from "../methods/methodRun.js";
import type { Scorer } from "../scoring/nodeScorer.js";
import type { ImageRecord } from "./record.js";

/** What drawing needs. */
export interface DrawingTools {
	readonly pipeline: Pipeline;
	readonly scorer: Scorer;
	readonly common: CommonOptions;
	/** Id of this machine's record. */
	readonly machine: string;
	readonly signal?: AbortSignal;
}

/** An image that was drawn and measured. */
export interface DrawnImage {
	readonly record: ImageRecord;
	readonly features: Float32Array;
	readonly image: RgbImage;
}

/** Orders methods so that each comes after the one it is held against; otherwise as they were given. */
export function referencesFirst<Entry extends SettledMethod>(
	methods: readonly Entry[],
): Entry[] {
	const isReference = (name: string) =>
		methods.some(
			({ name: own, reference }) => reference === name && own !== name,
		);
	return [
		...methods.filter(({ name }) => isReference(name)),
		...methods.filter(({ name }) => !isReference(name)),
	];
}

/**
 * Draws one caption by each of `missing`, method after method, and measures each image. A reference that is done already but
 * whose pixels are needed is drawn again.
 * @param missing methods that are to be drawn, as `referencesFirst` orders them
 * @param all the methods of the run
 */
export async function* drawEntry(
	tools: DrawingTools,
	entry: ProtocolEntry,
	index: number,
	missing: readonly SettledMethod[],
	all: readonly SettledMethod[],
): AsyncGenerator<DrawnImage> {
	const { pipeline, scorer, common, machine, signal } = tools;
	const references = new Map<string, RgbImage>();
	const wanted = new Set(missing.map(({ reference }) => reference));
	const draw = async (method: SettledMethod) => {
		const options = methodOptions(method, common, entry.caption, entry.seed);
		const started = performance.now();
		const [made] = await pipeline.generate({ ...options, signal });
		const seconds = (performance.now() - started) / 1000;
		return { made, seconds };
	};
	for (const method of missing) {
		const { made, seconds } = await draw(method);
		const { image, cost } = made;
		if (wanted.has(method.name)) references.set(method.name, image);
		let reference: RgbImage | undefined;
		if (method.reference !== method.name) {
			reference = references.get(method.reference);
			const plain = all.find(({ name }) => name === method.reference);
			if (!reference && plain) {
				reference = (await draw(plain)).made.image;
				references.set(plain.name, reference);
			}
		}
		const pixels = { ...image, channels: 3 };
		const { features, cosine, prefixedCosine } = await scorer.score(
			pixels,
			entry.caption,
		);
		const decibels = reference ? psnr(image, reference) : undefined;
		yield {
			image,
			features,
			record: {
				kind: "image",
				method: method.name,
				index,
				pixels: sha256(image.data).slice(0, 16),
				...(cosine === undefined ? {} : { cosine, prefixedCosine }),
				...(reference && decibels !== undefined
					? {
							fidelity: {
								...(Number.isFinite(decibels) ? { psnr: decibels } : {}),
								ssim: ssim(image, reference),
								...(scorer.lpips
									? {
											lpips: await scorer.lpips(pixels, {
												...reference,
												channels: 3,
											}),
										}
									: {}),
							},
						}
					: {}),
				cost: {
					seconds,
					denoisingSeconds: cost.denoisingSeconds,
					networkSeconds: cost.networkSeconds,
					decodingSeconds: cost.decodingSeconds,
					flops: cost.flops,
					encoderRuns: cost.encoderRuns,
					evaluations: cost.evaluations,
				},
				machine,
				peakMemory: process.resourceUsage().maxRSS * 1024,
			},
		};
	}
}

/** Draws by each method once, untimed, so that networks are loaded and memory is in place. */
export async function warmUp(
	{ pipeline, common, signal }: DrawingTools,
	methods: readonly SettledMethod[],
): Promise<void> {
	for (const [position, method] of methods.entries()) {
		const states = new Set<string>();
		const { plan } = pipeline.settings(
			methodOptions(method, common, "warm-up", 0),
		);
		const kinds = new Set(plan.states.map((state) => JSON.stringify(state)));
		for await (const event of pipeline.stream({
			...methodOptions(method, common, "warm-up", 0),
			signal,
		})) {
			if (event.kind !== "step") continue;
			states.add(JSON.stringify(event.step.state));
			// one whole image, and of the others as much as there are kinds of steps
			const late = plan.accelerator && event.step.index + 1 < event.step.count;
			if (position > 0 && states.size === kinds.size && !late) break;
		}
	}
}
