import type { ConfidenceInterval } from "../../metrics/bootstrap.js";
import type { MachineRecord } from "../run/record.js";
import type { RunDefinition } from "../run/runDefinition.js";

/** Median and quartiles. */
export interface Spread {
	readonly median: number;
	readonly lowQuartile: number;
	readonly highQuartile: number;
}

/** A figure of one method; the interval is missing where it was too much to compute. */
export interface Figure {
	readonly value: number;
	readonly low?: number;
	readonly high?: number;
}

/** What was measured of one method. Everything but `timing` is the same however often the run was interrupted. */
export interface MethodResults {
	readonly name: string;
	readonly sampler: string;
	/** Sampler steps that were run. */
	readonly steps: number;
	readonly images: number;
	/** Fréchet distance of Inception features. */
	readonly fid?: Figure;
	/** Kernel Inception distance: mean and standard deviation over subsets. */
	readonly kid?: Figure & {
		readonly deviation: number;
		readonly subsets: number;
		readonly subsetSize: number;
	};
	/** Mean and standard deviation over parts. */
	readonly inceptionScore?: {
		readonly value: number;
		readonly deviation: number;
		readonly splits: number;
	};
	/** Fréchet distance of CLIP image embeddings. */
	readonly clipFrechet?: Figure;
	/** 1000 x the squared MMD of CLIP image embeddings: CMMD where CLIP is the one that CMMD is defined with. */
	readonly clipMmd?: Figure;
	/** 2.5 max(cos, 0), "A photo depicts" (Hessel et al.). */
	readonly clipScore?: Figure;
	/** 100 cos (torchmetrics). */
	readonly clipCosine?: Figure;
	/** Against the plain images of the same seeds. */
	readonly fidelity?: {
		readonly to: string;
		/** Mean over images that are not identical, dB. */
		readonly psnr?: number;
		readonly ssim: Figure;
		/** Where LPIPS' weights were given. */
		readonly lpips?: Figure;
		readonly identical: number;
	};
	/** Paired differences: this method minus the plain one. */
	readonly difference?: QualityDifferences & { readonly to: string };
	readonly flops: number;
	readonly encoderRuns: number;
	readonly evaluations: number;
	readonly timing: {
		/** Seconds an image, prompt to pixels, without loading and scoring. */
		readonly seconds: Spread;
		readonly networkSeconds: Spread;
		readonly decodingSeconds: Spread;
		/** Of the plain method's seconds for the same caption on the same machine, median over captions. */
		readonly speedup?: Figure;
	};
	/** Captions whose image moved most from the plain one (lowest SSIM), the worst first. */
	readonly worst: readonly WorstCaption[];
	/** Captions whose CLIP score fell most below that of the plain image, the worst first. */
	readonly worstClipScore: readonly WorstCaption[];
}

/** Figures that are distances to the reals or means over captions, whose differences are paired by caption. */
export interface QualityDifferences {
	readonly fid?: Figure;
	readonly kid?: Figure;
	readonly clipFrechet?: Figure;
	readonly clipMmd?: Figure;
	readonly clipScore?: Figure;
}

/** Paired differences of two methods of the same plain reference: `method` minus `to`. */
export interface Comparison extends QualityDifferences {
	readonly method: string;
	readonly to: string;
	/** Seconds of `to` / seconds of `method` for the same caption on the same machine, median over captions. Differs from run to run. */
	readonly timing: { readonly speedup?: Figure };
}

export interface WorstCaption {
	readonly index: number;
	readonly caption: string;
	readonly seed: number;
	readonly ssim: number;
	readonly psnr?: number;
	readonly lpips?: number;
	/** CLIP score minus that of the plain image. */
	readonly clipScore?: number;
}

/** The file results.json. */
export interface Results {
	readonly format: 1;
	readonly definition: RunDefinition;
	/** What each figure is, in words, by its name in `methods`. */
	readonly measures: Readonly<Record<string, string>>;
	readonly methods: readonly MethodResults[];
	/** Every accelerated method against propagation with the paper's key steps, where that is among them. */
	readonly comparisons: readonly Comparison[];
	readonly brokenReals: readonly { id: string; reason: string }[];
	readonly warnings: readonly string[];
	readonly machines: readonly MachineRecord[];
	/** Largest resident memory of a process, bytes. */
	readonly peakMemory: number;
}

/** A bootstrap interval as a figure. */
export function figure({ estimate, low, high }: ConfidenceInterval): Figure {
	return { value: estimate, low, high };
}
