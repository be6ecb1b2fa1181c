import { guide } from "../propagation/denoiser.js";
import { type StepState, stepStateWord } from "../propagation/stepState.js";
import type { UnetRunner } from "../propagation/unetRunner.js";
import type { Sampler, SamplerState } from "../samplers/sampler.js";
import { concat, type Tensor } from "../tensor/tensor.js";
import type { CalibrationPrompt } from "./calibrationPrompt.js";

/** What a plain run of one prompt leaves behind: vectors of the size of the latents only. */
export interface PlainTables {
	/** The guided prediction of each evaluation. */
	readonly predictions: readonly Float32Array[];
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

type Features = Readonly<Record<string, Tensor>>;

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
	const { positive, negative, guidanceScale } = conditioning;
	const guided = negative !== undefined;
	const text = negative ? concat([negative, positive]) : positive;
	const { dims } = initialNoise;
	const depths = [
		...new Set(
			states.flatMap((state) => (state.run === "outer" ? [state.layers] : [])),
		),
	].sort((a, b) => a - b);
	const fresh = noise();
	const kept: Features[] = [];
	const predictions: Float32Array[] = [];
	const reused = new Map<string, Float32Array[][]>(
		states
			.filter(({ run }) => run !== "nothing")
			.map((state) => [stepStateWord(state), []]),
	);
	const allLatents: Float32Array[] = [
		initialNoise.data.map((z) => z * sampler.initNoiseSigma),
	];
	const allStates: SamplerState[] = [sampler.start()];
	const prediction = (output: Tensor) =>
		guided ? guide(output, guidanceScale).data : output.data;

	for (const [index, timestep] of sampler.timesteps.entries()) {
		signal?.throwIfAborted();
		const latents = allLatents[index];
		const input = { dims, data: sampler.scaleModelInput(latents, index) };
		const base = {
			sample: guided ? concat([input, input]) : input,
			timestep: {
				dims: [text.dims[0]],
				data: new Float32Array(text.dims[0]).fill(timestep),
			},
			encoder_hidden_states: text,
		};
		const features = await unet.run({ encoder: "full", decoder: "none" }, base);
		const decoded = await unet.run(
			{
				encoder: "none",
				decoder: "full",
				...(depths.length > 0 ? { deepOutputs: depths } : {}),
			},
			{ ...base, ...features },
		);
		const own = prediction(decoded.prediction);
		predictions.push(own);
		for (const state of states) {
			const table = reused.get(stepStateWord(state));
			if (!table) continue;
			const row: Float32Array[] = [];
			table.push(row);
			const most = state.run === "decoder" ? window : outerWindow;
			for (let gap = 1; gap <= Math.min(most, index); gap++) {
				signal?.throwIfAborted();
				const old = kept[kept.length - gap];
				const output =
					state.run === "outer"
						? await unet.run(
								{
									encoder: state.encoder === "fresh" ? state.layers : "none",
									decoder: state.layers,
								},
								{ ...old, ...base, deep: old[`deep_${state.layers}`] },
							)
						: await unet.run(
								{ encoder: "none", decoder: "full" },
								{ ...old, ...base },
							);
				row[gap] = prediction(output.prediction);
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
	return { predictions, latents: allLatents, states: allStates, reused };
}
