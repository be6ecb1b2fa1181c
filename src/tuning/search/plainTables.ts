import { type Features, guidedUnet } from "../../propagation/guidedUnet.js";
import {
	DECODER_HALF,
	ENCODER_HALF,
	stateParts,
} from "../../propagation/stateParts.js";
import { type StepState, stepStateWord } from "../../propagation/stepState.js";
import type { UnetRunner } from "../../propagation/unetRunner.js";
import { originalAt } from "../../samplers/originalAt.js";
import type { Sampler, SamplerState } from "../../samplers/sampler.js";
import type { CalibrationPrompt } from "../runs/calibrationPrompt.js";

/** What a plain run of one prompt leaves behind: vectors of the size of the latents only. */
export interface PlainTables {
	/** The guided prediction of each evaluation. */
	readonly predictions: readonly Float32Array[];
	/** The clean latents that each of them stands for. */
	readonly originals: readonly Float32Array[];
	/** Latents before each evaluation, and the sampler's state; one more at the end. */
	readonly latents: readonly Float32Array[];
	readonly states: readonly SamplerState[];
	/**
	 * By the word of a state (`decoder`, `outer:2`, …): `reused.get(word)[i][gap]` is the guided prediction at evaluation i
	 * on features kept at i − gap, 1 <= gap <= window.
	 */
	readonly reused: ReadonlyMap<string, readonly (readonly Float32Array[])[]>;
}

export interface TableOptions {
	readonly unet: UnetRunner;
	readonly sampler: Sampler;
	/** States to try besides the whole network; `nothing` needs no table. */
	readonly states: readonly StepState[];
	/** How far back kept features are tried, for the decoder half, which may extrapolate them from key steps further back. */
	readonly window: number;
	/** How far back they are tried for other states; default `window`. */
	readonly outerWindow?: number;
	readonly signal?: AbortSignal;
	readonly onStep?: () => void;
}

/**
 * Runs a prompt plainly and, at each evaluation, every state on the features of each of the `window` evaluations before it.
 * Features are kept for the window only: memory does not grow with the number of steps, but for the predictions.
 */
export async function plainTables(
	{ conditioning, initialNoise, noise }: CalibrationPrompt,
	{
		unet,
		sampler,
		states,
		window,
		outerWindow = window,
		signal,
		onStep,
	}: TableOptions,
): Promise<PlainTables> {
	const network = guidedUnet({ unet, sampler, conditioning, signal });
	const { dims } = initialNoise;
	const depths = [
		...new Set(
			states.flatMap((state) => (state.run === "outer" ? [state.layers] : [])),
		),
	].sort((a, b) => a - b);
	const fresh = noise();
	const kept: Features[] = [];
	const predictions: Float32Array[] = [];
	const originals: Float32Array[] = [];
	const reused = new Map<string, Float32Array[][]>(
		states
			.filter(({ run }) => run !== "nothing")
			.map((state) => [stepStateWord(state), []]),
	);
	const allLatents: Float32Array[] = [
		initialNoise.data.map((z) => z * sampler.initNoiseSigma),
	];
	const allStates: SamplerState[] = [sampler.start()];

	for (const index of sampler.timesteps.keys()) {
		const latents = allLatents[index];
		const input = { dims, data: sampler.scaleModelInput(latents, index) };
		const features = await network.run(ENCODER_HALF, [index], input);
		const decoded = await network.run(
			{
				...DECODER_HALF,
				...(depths.length > 0 ? { deepOutputs: depths } : {}),
			},
			[index],
			input,
			features,
		);
		const own = network.guided(decoded.prediction).data;
		predictions.push(own);
		originals.push(originalAt(sampler, index, own, input.data));
		for (const state of states) {
			const table = reused.get(stepStateWord(state));
			if (!table) continue;
			const row: Float32Array[] = [];
			table.push(row);
			const most = state.run === "decoder" ? window : outerWindow;
			const [part] = stateParts(state);
			for (let gap = 1; gap <= Math.min(most, index); gap++) {
				const old = kept[kept.length - gap];
				const { prediction } = await network.run(part, [index], input, {
					...old,
					...(state.run === "outer"
						? { deep: old[`deep_${state.layers}`] }
						: {}),
				});
				row[gap] = network.guided(prediction).data;
			}
		}
		kept.push({ ...features, ...decoded });
		if (kept.length > window) kept.shift();
		const taken = sampler.step(allStates[index], {
			index,
			prediction: own,
			latents,
			noise: fresh,
		});
		allLatents.push(taken.latents);
		allStates.push(taken.state);
		onStep?.();
	}
	return {
		predictions,
		originals,
		latents: allLatents,
		states: allStates,
		reused,
	};
}
