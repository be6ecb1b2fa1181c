import type { UnetDims } from "../../models/unetPart.js";
import type { Conditioning } from "../../propagation/denoiser.js";
import { guidedUnet } from "../../propagation/guidedUnet.js";
import type { KeyStepPlan } from "../../propagation/keyStepPlan.js";
import {
	DECODER_HALF,
	ENCODER_HALF,
	stateFlops,
	stateParts,
} from "../../propagation/stateParts.js";
import { type StepState, stepStateWord } from "../../propagation/stepState.js";
import type { UnetRunner } from "../../propagation/unetRunner.js";
import type { Tensor } from "../../tensor/tensor.js";

/** What a step costs in each state, by the state's word. */
export interface StateCosts {
	readonly unit: "seconds" | "flops";
	readonly costs: ReadonlyMap<string, number>;
}

/** Costs by arithmetic alone: the same on every machine. */
export function flopCosts(
	unet: UnetRunner,
	states: readonly StepState[],
	dims: UnetDims,
): StateCosts {
	return {
		unit: "flops",
		costs: new Map(
			states.map((state) => [
				stepStateWord(state),
				stateFlops(unet, state, dims),
			]),
		),
	};
}

/**
 * Costs in seconds on this machine: each state's parts are run on real features, all states in turn, `repeats` times, so
 * that a machine that is busy for a while slows every state alike, and the fastest third of them counts.
 * @param input network input `[1, channels, height, width]`
 */
export async function measuredCosts(
	unet: UnetRunner,
	states: readonly StepState[],
	conditioning: Conditioning,
	input: Tensor,
	repeats = 15,
): Promise<StateCosts> {
	const network = guidedUnet({
		unet,
		// the time does not depend on which timestep it is
		sampler: { timesteps: [500] },
		conditioning,
	});
	const at = [0];
	const features = await network.run(ENCODER_HALF, at, input);
	const depths = [
		...new Set(
			states.flatMap((state) => (state.run === "outer" ? [state.layers] : [])),
		),
	];
	const deep =
		depths.length > 0
			? await network.run(
					{ ...DECODER_HALF, deepOutputs: depths },
					at,
					input,
					features,
				)
			: {};
	const seconds = new Map<string, number[]>();
	for (let round = -1; round < repeats; round++)
		for (const state of states) {
			const kept = {
				...features,
				...(state.run === "outer"
					? { deep: deep[`deep_${state.layers}`] }
					: {}),
			};
			const started = performance.now();
			for (const part of stateParts(state))
				await network.run(part, at, input, kept);
			const elapsed = (performance.now() - started) / 1000;
			// the first round loads the sessions
			if (round < 0) continue;
			const word = stepStateWord(state);
			seconds.set(word, [...(seconds.get(word) ?? []), elapsed]);
		}
	return {
		unit: "seconds",
		costs: new Map(
			[...seconds].map(([word, values]) => [
				word,
				word.startsWith("nothing") ? 0 : undisturbed(values),
			]),
		),
	};
}

/**
 * What a plan costs.
 * @throws RangeError when it has a state whose cost is not known
 */
export function planCost(plan: KeyStepPlan, { costs }: StateCosts): number {
	return plan.states.reduce((sum, state) => {
		const cost = costs.get(stepStateWord(state));
		if (cost === undefined)
			throw new RangeError(`no cost is known of ${stepStateWord(state)}`);
		return sum + cost;
	}, 0);
}

/** Mean of the fastest third: what the work takes when nothing else gets in its way, without hanging on one lucky run. */
function undisturbed(values: readonly number[]): number {
	const fastest = values
		.toSorted((a, b) => a - b)
		.slice(0, Math.ceil(values.length / 3));
	return fastest.reduce((sum, value) => sum + value, 0) / fastest.length;
}
