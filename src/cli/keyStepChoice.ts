import { stat } from "node:fs/promises";
import { join } from "node:path";
import { adaptiveDenoiser } from "../accelerators/adaptive.js";
import { UserError } from "../errors/userError.js";
import type { GenerateOptions } from "../pipeline/options.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import { plainPlan } from "../propagation/keyStepPlan.js";
import {
	embeddedPlansFolder,
	findTunedPlan,
} from "../propagation/nodeFindTunedPlan.js";
import { PAPER_INJECTION } from "../propagation/noiseInjection.js";

/**
 * Settles the values of `--key-steps` that need the model: `auto`, the plan that was tuned for this model, sampler, steps
 * and guidance (looked for in the model folder's `plans/` and among those of the embedded model), and
 * `adaptive:THRESHOLD`, which decides during the run. Other options are given back as they are.
 * @throws UserError (exit code 2) when there is no tuned plan, or the threshold is no number
 */
export async function settleKeySteps(
	options: GenerateOptions,
	pipeline: Pipeline,
): Promise<GenerateOptions> {
	const { keySteps } = options;
	if (typeof keySteps !== "string") return options;
	if (keySteps === "auto") {
		const { sampler, steps, guidanceScale } = pipeline.settings({
			...options,
			keySteps: "all",
		});
		const own = join(pipeline.label, "plans");
		const folders = (await stat(own).catch(() => undefined))?.isDirectory()
			? [own, embeddedPlansFolder]
			: [embeddedPlansFolder];
		const found = await findTunedPlan(
			pipeline.hash,
			sampler.name,
			steps,
			guidanceScale,
			folders,
		);
		if (!found)
			throw new UserError(
				`--key-steps auto: no plan was tuned for ${pipeline.label} (${pipeline.hash}) with ${sampler.name}, ${steps} steps and guidance ${guidanceScale}; make one with fdiff tune, or use --key-steps paper`,
				{ code: "usage" },
			);
		return { ...options, keySteps: found.plan };
	}
	const adaptive = /^adaptive(?::(.*))?$/s.exec(keySteps);
	if (!adaptive) return options;
	const threshold = Number(adaptive[1] || Number.NaN);
	if (!(threshold > 0 && threshold < 100))
		throw new UserError(
			`--key-steps ${keySteps.slice(0, 40)}: give the threshold as a number above 0, as in adaptive:0.1`,
			{ code: "usage" },
		);
	const { sampler } = pipeline.settings({ ...options, keySteps: "all" });
	return {
		...options,
		// every step is offered its latents; the denoiser decides what runs
		keySteps: { ...plainPlan(sampler.timesteps.length), label: keySteps },
		injectNoise: options.injectNoise ?? PAPER_INJECTION.alpha,
		denoiser: adaptiveDenoiser({ threshold }),
	};
}
