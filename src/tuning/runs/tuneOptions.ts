import type { Lpips } from "../../metrics/lpips.js";
import type { Pipeline } from "../../pipeline/pipeline.js";
import type { Progress } from "../../pipeline/progress.js";
import type { RunSettings } from "../../pipeline/runSettings.js";
import type { KeyStepPlan } from "../../propagation/keyStepPlan.js";
import type { TuningBudget } from "./tuningBudget.js";
import type { TuningState } from "./tuningState.js";

export interface TuneOptions {
	readonly pipeline: Pipeline;
	readonly settings: RunSettings;
	/** The same run with another number of steps: for comparison with fewer steps. */
	readonly settingsFor: (steps: number) => RunSettings;
	readonly calibration: readonly string[];
	readonly heldOut: readonly string[];
	/** Times faster than plain at which plans are tuned. */
	readonly speedups: readonly number[];
	readonly budget?: TuningBudget;
	readonly cost: "measured" | "flops";
	/** Plans judged end to end by local search, for each budget. */
	readonly trials: number;
	/** The most calibration prompts that error tables are made of; 0: only `starts` are searched from. */
	readonly tablePrompts: number;
	/** The most steps that features are kept for, and key steps lie apart. */
	readonly reach: number;
	/** What tuned plans are compared with: everything, or the paper's plan and fewer steps only. */
	readonly comparisons: "all" | "few";
	/** Thresholds of the adaptive mode to compare with. */
	readonly adaptive: readonly number[];
	/** Given, plans are judged by the latents and by their pictures' LPIPS. */
	readonly lpips?: Lpips;
	/** Plans from an earlier search to begin with. */
	readonly starts?: readonly KeyStepPlan[];
	readonly state: TuningState;
	readonly save: (state: TuningState) => Promise<void>;
	readonly onProgress?: (progress: Progress) => void;
	readonly signal?: AbortSignal;
}
