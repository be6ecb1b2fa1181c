import { stateFlops } from "../propagation/statePart.js";
import {
	DECODER,
	FULL,
	type StepState,
	stepStateWord,
} from "../propagation/stepState.js";
import { isGuided } from "./isGuided.js";
import type { Pipeline } from "./pipeline.js";
import type { RunSettings } from "./runSettings.js";

/** Outermost up layers that a plan's editor offers: more save little. */
const DEEPEST_OFFERED = 3;
/** Tokens of a prompt in one chunk. */
const TOKENS = 77;

/**
 * What a step of one image costs by what runs at it, in floating-point operations of the UNet (two a multiply-add), guidance counted in: of
 * the states in the run's plan and of those that are worth choosing. Nothing is loaded for it.
 * @returns costs by the states' words (`full`, `decoder`, `outer:1` …)
 */
export function stepCosts(
	{
		unet,
		unetConfig,
		latentShape,
	}: Pick<Pipeline, "unet" | "unetConfig" | "latentShape">,
	settings: RunSettings,
): Record<string, number> {
	const [, height, width] = latentShape(settings);
	const batch = isGuided(settings.guidanceScale, unetConfig) ? 2 : 1;
	const offered = Array.from(
		{ length: Math.min(DEEPEST_OFFERED, unet.skipCount ?? 1) },
		(_, index): StepState => ({
			run: "outer",
			layers: index + 1,
			encoder: "fresh",
		}),
	);
	const states: readonly StepState[] = [
		FULL,
		DECODER,
		...offered,
		{ run: "nothing", order: 0 },
		...settings.plan.states,
	];
	return Object.fromEntries(
		states.map((state) => [
			stepStateWord(state),
			stateFlops(unet, state, { batch, height, width, tokens: TOKENS }),
		]),
	);
}
