import { join } from "node:path";
import { UserError } from "../errors/userError.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import { parseKeySteps, planWords } from "../propagation/keyStepPlan.js";
import { planFromFile } from "../propagation/planFile.js";
import {
	embeddedPlansFolder,
	findTunedPlan,
} from "../tuning/nodeFindTunedPlan.js";
import type { Method } from "./method.js";
import {
	type CommonOptions,
	methodOptions,
	type SettledMethod,
} from "./methodRun.js";

/** Any prompt does: the network's time does not depend on it. */
const PROMPT = "a photo of a cat";
/** Full steps that are timed. */
const TIMED_STEPS = 6;
const REPEATS = 3;

/**
 * Settles how many steps each method runs. For `fewer` the network time of its plan and that of a plain step are measured
 * here and now (median of three), or their FLOPs are counted.
 * @throws UserError when a method's plan does not fit its sampler
 */
export async function settleMethods(
	methods: readonly Method[],
	pipeline: Pipeline,
	common: CommonOptions,
	signal?: AbortSignal,
): Promise<SettledMethod[]> {
	const settled: SettledMethod[] = [];
	for (const given of methods) {
		const method =
			given.keySteps === "auto"
				? await withTunedPlan(given, pipeline, common)
				: given;
		const { fewer, steps } = method;
		let run = steps;
		if (fewer) {
			const plan = { ...method, keySteps: fewer.plan, run: steps };
			const plain = { ...method, run: steps };
			const share =
				fewer.by === "time"
					? await timeShare(pipeline, plan, plain, common, signal)
					: flopShare(pipeline, plan, common);
			run = Math.max(1, Math.min(steps, Math.round(share * steps)));
		}
		settled.push({ ...method, run });
		// complains now, not after the first thousand images, where something does not fit
		pipeline.settings(methodOptions({ ...method, run }, common, PROMPT, 0));
	}
	return settled;
}

/** A method whose key steps are `auto`, with the plan that was tuned for it written out. */
async function withTunedPlan(
	method: Method,
	pipeline: Pipeline,
	common: CommonOptions,
): Promise<Method> {
	const asked = methodOptions(
		{ ...method, run: method.steps },
		common,
		PROMPT,
		0,
	);
	const { sampler, steps, guidanceScale } = pipeline.settings({
		...asked,
		keySteps: "all",
	});
	const found = await findTunedPlan(
		pipeline.hash,
		sampler.name,
		steps,
		guidanceScale,
		[join(pipeline.label, "plans"), embeddedPlansFolder],
	);
	if (!found)
		throw new UserError(
			`--methods: ${method.name}: no plan was tuned for this model (${pipeline.hash}) with ${sampler.name}, ${steps} steps and guidance ${guidanceScale}; make one with fdiff tune, or leave the method out`,
			2,
		);
	const plan = planFromFile(
		found.plan,
		{ sampler: sampler.name, steps, evaluations: sampler.timesteps.length },
		found.path,
	);
	return {
		...method,
		keySteps: planWords(plan),
		injectNoise: method.injectNoise ?? plan.injectNoise,
		injectUntil: method.injectUntil ?? plan.injectUntil,
	};
}

/** Network seconds of the plan, as a share of those of plain sampling with as many steps. */
async function timeShare(
	pipeline: Pipeline,
	plan: SettledMethod,
	plain: SettledMethod,
	common: CommonOptions,
	signal: AbortSignal | undefined,
): Promise<number> {
	const shares: number[] = [];
	// once more than counted: the first run loads the networks
	for (let repeat = 0; repeat <= REPEATS; repeat++) {
		const full: number[] = [];
		for await (const event of pipeline.stream({
			...methodOptions(plain, common, PROMPT, 0),
			signal,
		})) {
			if (event.kind !== "step") continue;
			full.push(event.step.networkSeconds);
			if (full.length > TIMED_STEPS) break;
		}
		let planned = 0;
		let evaluations = 0;
		for await (const event of pipeline.stream({
			...methodOptions(plan, common, PROMPT, 0),
			signal,
		})) {
			if (event.kind !== "step") continue;
			planned += event.step.networkSeconds;
			evaluations = event.step.count;
		}
		if (repeat > 0) shares.push(planned / (evaluations * median(full)));
	}
	return median(shares);
}

function flopShare(
	pipeline: Pipeline,
	plan: SettledMethod,
	common: CommonOptions,
): number {
	const { sampler, width, height } = pipeline.settings(
		methodOptions(plan, common, PROMPT, 0),
	);
	const { unet, vaeConfig } = pipeline.networks;
	const evaluations = sampler.timesteps.length;
	const { states } = parseKeySteps(plan.keySteps, evaluations);
	const dims = {
		batch: 2,
		height: height / vaeConfig.factor,
		width: width / vaeConfig.factor,
		tokens: 77,
	};
	const encoder = unet.flops({ encoder: "full", decoder: "none" }, dims);
	const decoder = unet.flops({ encoder: "none", decoder: "full" }, dims);
	let sum = 0;
	for (const state of states)
		switch (state.run) {
			case "full":
				sum += encoder + decoder;
				break;
			case "decoder":
				sum += decoder;
				break;
			case "outer":
				sum += unet.flops(
					{
						encoder: state.encoder === "fresh" ? state.layers : "none",
						decoder: state.layers,
					},
					dims,
				);
				break;
			case "nothing":
				break;
		}
	if (!(sum > 0))
		throw new UserError(`--methods: ${plan.name}: its plan runs nothing`, 2);
	return sum / (evaluations * (encoder + decoder));
}

function median(values: readonly number[]): number {
	const sorted = [...values].sort((a, b) => a - b);
	const middle = sorted.length >> 1;
	return sorted.length % 2 === 1
		? sorted[middle]
		: (sorted[middle - 1] + sorted[middle]) / 2;
}
