import { join } from "node:path";
import { OptionError } from "../../errors/optionError.js";
import type { Pipeline } from "../../pipeline/pipeline.js";
import { parseKeySteps, planWords } from "../../propagation/keyStepPlan.js";
import {
	embeddedPlansFolder,
	findTunedPlan,
} from "../../propagation/nodeFindTunedPlan.js";
import { planFromFile } from "../../propagation/planFile.js";
import { stateFlops } from "../../propagation/stateParts.js";
import { FULL, stepStateWord } from "../../propagation/stepState.js";
import type { Method } from "./method.js";
import {
	type CommonOptions,
	methodOptions,
	type SettledMethod,
} from "./methodRun.js";

/** Any prompt does: the network's time does not depend on it. */
const PROMPT = "a photo of a cat";
const REPEATS = 3;

/**
 * Settles how many steps each method runs. For `fewer` the network time of its plan and that of a plain step are measured
 * here and now, or their FLOPs are counted.
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
		throw new OptionError(
			"methods",
			`${method.name}: no plan was tuned for this model (${pipeline.hash}) with ${sampler.name}, ${steps} steps and guidance ${guidanceScale}; make one with fdiff tune, or leave the method out`,
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

/**
 * Network seconds of the plan, as a share of those of plain sampling with as many steps: each kind of step is timed over several
 * runs of the plan, and the lower quartile counts, since whatever else the machine does only adds time.
 */
async function timeShare(
	pipeline: Pipeline,
	plan: SettledMethod,
	plain: SettledMethod,
	common: CommonOptions,
	signal: AbortSignal | undefined,
): Promise<number> {
	const options = methodOptions(plan, common, PROMPT, 0);
	const { maxDecodeBatch } = pipeline.settings(options);
	if (maxDecodeBatch > 1)
		return batchedTimeShare(pipeline, plan, plain, common, signal);
	const kinds = new Map<string, number[]>();
	let states: string[] = [];
	// once more than counted: the first run loads the networks
	for (let repeat = 0; repeat <= REPEATS; repeat++) {
		states = [];
		for await (const event of pipeline.stream({ ...options, signal })) {
			if (event.kind !== "step") continue;
			const { state, networkSeconds } = event.step;
			const word = stepStateWord(state);
			states.push(word);
			if (repeat > 0)
				kinds.set(word, [...(kinds.get(word) ?? []), networkSeconds]);
		}
	}
	const cost = (word: string) => quantile(kinds.get(word) ?? [], 0.25);
	const planned = states.reduce((sum, word) => sum + cost(word), 0);
	return planned / (states.length * cost("full"));
}

/** The same where decoder steps run in batches, which no single step's time tells: whole runs are timed. */
async function batchedTimeShare(
	pipeline: Pipeline,
	plan: SettledMethod,
	plain: SettledMethod,
	common: CommonOptions,
	signal: AbortSignal | undefined,
): Promise<number> {
	const seconds = async (method: SettledMethod) => {
		const [{ cost }] = await pipeline.generate({
			...methodOptions(method, common, PROMPT, 0),
			signal,
		});
		return cost.networkSeconds;
	};
	const shares: number[] = [];
	for (let repeat = 0; repeat <= REPEATS; repeat++) {
		const share = (await seconds(plan)) / (await seconds(plain));
		if (repeat > 0) shares.push(share);
	}
	return quantile(shares, 0.5);
}

function flopShare(
	pipeline: Pipeline,
	plan: SettledMethod,
	common: CommonOptions,
): number {
	const { sampler, width, height } = pipeline.settings(
		methodOptions(plan, common, PROMPT, 0),
	);
	const { unet } = pipeline;
	const [, latentHeight, latentWidth] = pipeline.latentShape({ width, height });
	const evaluations = sampler.timesteps.length;
	const { states } = parseKeySteps(plan.keySteps, evaluations);
	const dims = {
		batch: 2,
		height: latentHeight,
		width: latentWidth,
		tokens: 77,
	};
	const sum = states.reduce(
		(flops, state) => flops + stateFlops(unet, state, dims),
		0,
	);
	if (!(sum > 0))
		throw new OptionError("methods", `${plan.name}: its plan runs nothing`);
	return sum / (evaluations * stateFlops(unet, FULL, dims));
}

/** The value at a share of the sorted values, without interpolation. */
function quantile(values: readonly number[], share: number): number {
	const sorted = [...values].sort((a, b) => a - b);
	return sorted[Math.floor(share * (sorted.length - 1))];
}
