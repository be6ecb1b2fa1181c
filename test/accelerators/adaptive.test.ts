import { join } from "node:path";
import { expect, test } from "vitest";
import { adaptiveDenoiser } from "../../src/accelerators/adaptive.js";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import { plainPlan } from "../../src/propagation/keyStepPlan.js";
import { relativeError } from "../../src/tensor/relativeError.js";
import { calibrationPrompts } from "../../src/tuning/runs/calibrationPrompt.js";
import { runToEnd } from "../../src/tuning/runs/endToEnd.js";

const tiny = join(import.meta.dirname, "..", "models", "tiny-sd");
const evaluations = 6;

test("adaptive key steps: nothing is skipped at a threshold that is never met, and less runs at a loose one", async () => {
	const pipeline = await loadPipeline(tiny, {
		threads: 1,
		optimization: "extended",
	});
	const settings = pipeline.settings({
		prompt: "",
		sampler: "dpm-solver++",
		steps: evaluations,
		seed: 5n,
	});
	const [prompt] = await calibrationPrompts(pipeline, settings, [
		"a red apple",
	]);
	const common = {
		pipeline,
		sampler: settings.sampler,
		plan: plainPlan(evaluations),
	};
	const plain = await runToEnd(prompt, common);
	const strict = await runToEnd(prompt, {
		...common,
		denoiser: adaptiveDenoiser({ threshold: 1e-12 }),
	});
	expect(relativeError(strict.latents, plain.latents)).toBeLessThan(1e-5);
	expect(strict.flops).toBe(plain.flops);
	for (const between of ["nothing", "decoder"] as const) {
		const keys: boolean[] = [];
		const loose = await runToEnd(prompt, {
			...common,
			denoiser: adaptiveDenoiser({
				threshold: 1e3,
				between,
				onDecision: (_, key) => keys.push(key),
			}),
		});
		expect(loose.flops).toBeLessThan(plain.flops);
		expect(keys.slice(0, 3)).toEqual([true, true, between === "nothing"]);
		expect(keys.at(-1)).toBe(false);
		expect(relativeError(loose.latents, plain.latents)).toBeGreaterThan(1e-4);
	}
	await pipeline.release();
});
