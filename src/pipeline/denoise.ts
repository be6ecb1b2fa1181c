import { plannedDenoiser } from "../accelerators/accelerators.js";
import { OptionError } from "../errors/optionError.js";
import type {
	Conditioning,
	Denoiser,
	DenoiserOptions,
} from "../propagation/denoiser.js";
import type { KeyStepPlan } from "../propagation/keyStepPlan.js";
import {
	NO_INJECTION,
	type NoiseInjection,
} from "../propagation/noiseInjection.js";
import type { UnetRunner } from "../propagation/unetRunner.js";
import type { Sampler } from "../samplers/sampler.js";
import { type Tensor, tensor } from "../tensor/tensor.js";
import { type Control, controlledUnet } from "./controlledUnet.js";
import {
	type DenoisingRun,
	type DenoisingStep,
	denoisingLoop,
} from "./denoisingLoop.js";
import type { RunNetworks } from "./networks.js";

/** A run from noise, or from given latents, to final latents. */
export interface DenoiseOptions
	extends Pick<
		DenoisingRun,
		"start" | "samplerState" | "initialNoise" | "noise" | "afterStep" | "signal"
	> {
	readonly sampler: Sampler;
	readonly plan: KeyStepPlan;
	/** Of all images of the run. */
	readonly conditioning: Conditioning;
	/** Default: none. */
	readonly injection?: NoiseInjection;
	/** Default: the initial noise, in the sampler's own scale. */
	readonly latents?: Tensor;
	/** The most decoder steps in one batch. Default 1. */
	readonly maxDecodeBatch?: number;
	/** Default: what the plan says. */
	readonly denoiser?: (options: DenoiserOptions) => Denoiser;
	/** Further input channels `[images, channels, height, width]` that the network sees beside the latents at every evaluation. */
	readonly extraChannels?: Tensor;
	/** Control nets that steer the UNet. Default: none. */
	readonly steering?: readonly Control[];
}

/** What a run cost, all its images together; waiting for networks to be loaded is left out. */
export interface RunCost {
	/** Seconds from noise to latents. */
	readonly seconds: number;
	/** Seconds of it inside the UNet. */
	readonly networkSeconds: number;
	/** Floating-point operations of the UNet and of control nets, two a multiply-add. */
	readonly flops: number;
	/** How often the encoder half ran. */
	readonly encoderRuns: number;
	/** Network evaluations of the sampler, whether a network ran or not. */
	readonly evaluations: number;
	/** The evaluations at which the encoder half ran. */
	readonly keySteps: readonly number[];
}

/** Where a run ended. */
export interface DenoisedLatents {
	/** Final latents `[images, channels, height, width]`. */
	readonly latents: Tensor;
	readonly cost: RunCost;
}

/**
 * Denoises, telling each step, and counts what it costs: the one place where runs are counted, for pictures, tuning, analysis and
 * evaluation alike.
 * @throws as `denoisingLoop`
 */
export async function* denoise(
	networks: Pick<RunNetworks, "unet" | "waitedSeconds">,
	options: DenoiseOptions,
): AsyncGenerator<DenoisingStep, DenoisedLatents> {
	const { sampler, plan, conditioning, initialNoise, signal } = options;
	const latents = options.latents ?? {
		dims: initialNoise.dims,
		data: initialNoise.data.map((z) => z * sampler.initNoiseSigma),
	};
	const counted = countedUnet(networks.unet, latents, options);
	const denoiser = (options.denoiser ?? plannedDenoiser)({
		unet: counted.unet,
		sampler,
		plan,
		conditioning,
		maxDecodeBatch: options.maxDecodeBatch ?? 1,
		signal,
	});
	if (typeof denoiser !== "function")
		throw new OptionError("denoiser", "it did not return a function");
	let last = latents;
	let seconds = 0;
	let networkSeconds = 0;
	let evaluations = 0;
	let encoderRuns = 0;
	let waited = networks.waitedSeconds();
	const keySteps: number[] = [];
	for await (const step of denoisingLoop({
		...options,
		injection: options.injection ?? NO_INJECTION,
		latents,
		denoiser,
	})) {
		const waiting = networks.waitedSeconds() - waited;
		waited += waiting;
		// some denoisers decide for themselves: what counts is what ran
		const encoderRan = counted.encoderRuns() > encoderRuns;
		encoderRuns = counted.encoderRuns();
		if (encoderRan) keySteps.push(step.index);
		const own = {
			...step,
			encoderRan,
			seconds: Math.max(0, step.seconds - waiting),
			networkSeconds: Math.max(0, step.networkSeconds - waiting),
		};
		last = step.latents;
		evaluations++;
		seconds += own.seconds;
		networkSeconds += own.networkSeconds;
		yield own;
		// what the consumer waited for is none of the next step's
		waited = networks.waitedSeconds();
	}
	return {
		latents: last,
		cost: {
			seconds,
			networkSeconds,
			flops: counted.flops(),
			encoderRuns,
			evaluations,
			keySteps,
		},
	};
}

/** Runs a denoising to its end. */
export async function denoised(
	run: AsyncGenerator<DenoisingStep, DenoisedLatents>,
	onStep: (step: DenoisingStep) => void = () => {},
): Promise<DenoisedLatents> {
	for (;;) {
		const { value, done } = await run.next();
		if (done) return value;
		onStep(value);
	}
}

/** A UNet that counts its runs, is shown the extra channels, and is steered by the control nets, whose work is counted too. */
function countedUnet(
	unet: UnetRunner,
	{ dims: [, , height, width] }: Tensor,
	{
		extraChannels,
		steering = [],
	}: Pick<DenoiseOptions, "extraChannels" | "steering">,
): { unet: UnetRunner; flops: () => number; encoderRuns: () => number } {
	let flops = 0;
	let encoderRuns = 0;
	const counting = (network: UnetRunner): UnetRunner => ({
		...network,
		async run(part, inputs, at) {
			const outputs = await network.run(part, inputs, at);
			flops += network.flops(part, {
				batch: inputs.timestep.dims[0],
				height,
				width,
				tokens: inputs.encoder_hidden_states?.dims[1] ?? 0,
			});
			return outputs;
		},
	});
	const own = counting(unet);
	return {
		flops: () => flops,
		encoderRuns: () => encoderRuns,
		unet: controlledUnet(
			{
				...own,
				run(part, given, at) {
					if (part.encoder === "full") encoderRuns++;
					return own.run(
						part,
						extraChannels && given.sample
							? { ...given, sample: withChannels(given.sample, extraChannels) }
							: given,
						at,
					);
				},
			},
			steering.map((control) => ({ ...control, net: counting(control.net) })),
		),
	};
}

/** `sample` `[k · images, c, h, w]` with the channels of `extra` `[images, e, h, w]` behind its own. */
function withChannels(sample: Tensor, extra: Tensor): Tensor {
	const [batch, channels, height, width] = sample.dims;
	const [images, more] = extra.dims;
	const plane = height * width;
	const joined = tensor([batch, channels + more, height, width]);
	for (let n = 0; n < batch; n++) {
		const at = n * (channels + more) * plane;
		const own = n * channels * plane;
		const other = (n % images) * more * plane;
		joined.data.set(sample.data.subarray(own, own + channels * plane), at);
		joined.data.set(
			extra.data.subarray(other, other + more * plane),
			at + channels * plane,
		);
	}
	return joined;
}
