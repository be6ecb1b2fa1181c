import { readKeySteps } from "../../accelerators/planWords.js";
import { OptionError } from "../../errors/optionError.js";
import type { Pipeline } from "../../pipeline/pipeline.js";
import { stateFlops } from "../../propagation/statePart.js";
import { FULL, stepStateWord } from "../../propagation/stepState.js";
import { median, quantile } from "../../tensor/quantile.js";
import type { CommonOptions } from "./commonOptions.js";
import type { Method } from "./method.js";
import { methodOptions, type SettledMethod } from "./methodRun.js";

/** Any prompt does: the network's time does not depend on it, but where an accelerator decides by what it sees; there this one stands for all. */
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
		const method = withPlanWritten(given, pipeline, common);
		const { fewer, steps } = method;
		let run = steps;
		if (fewer) {
			const plan = { ...method, keySteps: fewer.plan, run: steps };
			// no plan costs nothing less, and would be called fewer steps all the same
			withPlanWritten(plan, pipeline, common);
			const plain = { ...method, run: steps };
			const share =
				fewer.by === "time"
					? await timeShare(pipeline, plan, plain, common, signal)
					: await flopShare(pipeline, plan, plain, common, signal);
			run = Math.max(1, Math.min(steps, Math.round(share * steps)));
		}
		settled.push({ ...method, run });
	}
	return settled;
}

/**
 * The method with the plan that was tuned for it in place of `auto`.
 * @throws OptionError when its plan does not fit, or there is none: now, not after the first thousand images
 */
function withPlanWritten(
	method: Method,
	pipeline: Pipeline,
	common: CommonOptions,
): Method {
	try {
		const { plan, chosenPlan, steps } = pipeline.settings(
			methodOptions({ ...method, run: method.steps }, common, PROMPT, 0),
		);
		if (readKeySteps(method.keySteps).states !== "auto") return method;
		if (chosenPlan?.kind === "plain")
			throw new OptionError(
				"keySteps",
				`auto: no plan was tuned for ${pipeline.label} (${pipeline.hash}) with ${method.sampler}, ${method.steps} steps, this size and guidance; make one with fdiff tune`,
			);
		return {
			...method,
			// the plan's own: the reference keeps the steps that it stands for
			steps,
			keySteps: plan.label,
			injectNoise: method.injectNoise ?? plan.injectNoise,
			injectUntil: method.injectUntil ?? plan.injectUntil,
		};
	} catch (error) {
		if (!(error instanceof OptionError)) throw error;
		throw new OptionError(
			"methods",
			`${method.name}: ${error.option === "keySteps" ? "" : `${error.option}: `}${error.what}`,
		);
	}
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
	const { maxDecodeBatch, plan: settled } = pipeline.settings(options);
	if (maxDecodeBatch > 1 || settled.accelerator)
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
	const cost = (word: string) =>
		quantile(
			(kinds.get(word) ?? []).toSorted((a, b) => a - b),
			0.25,
		);
	const planned = states.reduce((sum, word) => sum + cost(word), 0);
	return planned / (evaluationsOf(pipeline, plain, common) * cost("full"));
}

/** Network calls of a plain run. */
function evaluationsOf(
	pipeline: Pipeline,
	plain: SettledMethod,
	common: CommonOptions,
): number {
	const options = methodOptions(plain, common, PROMPT, 0);
	return pipeline.settings(options).sampler.timesteps.length;
}

/** The same where decoder steps run in batches or an accelerator decides, which no single step's time tells: whole runs are timed. */
async function batchedTimeShare(
	pipeline: Pipeline,
	plan: SettledMethod,
	plain: SettledMethod,
	common: CommonOptions,
	signal: AbortSignal | undefined,
): Promise<number> {
	const seconds = async (method: SettledMethod) =>
		(await costOf(pipeline, method, common, signal)).networkSeconds;
	const shares: number[] = [];
	for (let repeat = 0; repeat <= REPEATS; repeat++) {
		const share = (await seconds(plan)) / (await seconds(plain));
		if (repeat > 0) shares.push(share);
	}
	return median(shares);
}

/** What a whole run of a method costs. */
async function costOf(
	pipeline: Pipeline,
	method: SettledMethod,
	common: CommonOptions,
	signal: AbortSignal | undefined,
) {
	const options = methodOptions(method, common, PROMPT, 0);
	const [{ cost }] = await pipeline.generate({ ...options, signal });
	return cost;
}

async function flopShare(
	pipeline: Pipeline,
	plan: SettledMethod,
	plain: SettledMethod,
	common: CommonOptions,
	signal: AbortSignal | undefined,
): Promise<number> {
	const {
		plan: planned,
		width,
		height,
	} = pipeline.settings(methodOptions(plan, common, PROMPT, 0));
	// what runs at a step is known once it is drawn
	if (planned.accelerator) {
		const [own, whole] = [
			await costOf(pipeline, plan, common, signal),
			await costOf(pipeline, plain, common, signal),
		];
		return own.flops / whole.flops;
	}
	const { unet } = pipeline;
	const [, latentHeight, latentWidth] = pipeline.latentShape({ width, height });
	const evaluations = evaluationsOf(pipeline, plain, common);
	const dims = {
		batch: 2,
		height: latentHeight,
		width: latentWidth,
		tokens: 77,
	};
	const sum = planned.states.reduce(
		(flops, state) => flops + stateFlops(unet, state, dims),
		0,
	);
	if (!(sum > 0))
		throw new OptionError("methods", `${plan.name}: its plan runs nothing`);
	return sum / (evaluations * stateFlops(unet, FULL, dims));
}
