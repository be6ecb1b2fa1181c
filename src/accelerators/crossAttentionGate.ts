import * as z from "zod";
import { CROSS_ATTENTION } from "../models/unetPart.js";
import type { Denoiser, DenoiserOptions } from "../propagation/denoiser.js";
import type { UnetRunner } from "../propagation/unetRunner.js";
import type { Tensor } from "../tensor/tensor.js";
import { type Accelerator, needsPlainPlan } from "./accelerator.js";
import { encoderPropagation } from "./encoderPropagation.js";

const schema = z.strictObject({
	kind: z.literal("tgate"),
	/** The first evaluation on kept cross-attentions; default: the official code's share of the evaluations. */
	gateStep: z.int().min(1).max(1000).optional(),
});

export const tGate: Accelerator<z.output<typeof schema>> = {
	kind: "tgate",
	usage: "tgate[:STEP]",
	help: "T-GATE: from evaluation STEP on (40 %) kept cross-attentions, and no guidance",
	schema,
	fields: ["gateStep"],
	problem({ gateStep = 1 }, plan) {
		const last = plan.states.length - 1;
		if (last < 1) return "it needs two evaluations or more";
		return gateStep > last
			? `its step is a whole number from 1 to ${last}`
			: needsPlainPlan(plan);
	},
	denoiser: crossAttentionGate,
};

const GATE_SHARE = 0.4;

/**
 * T-GATE (Zhang et al. 2024, "Cross-Attention Makes Inference Cumbersome in Text-to-Image Diffusion Models", arXiv 2404.02747v1): before
 * evaluation `gateStep` guidance as ever; the outputs of the cross-attentions at evaluation `gateStep` − 1, unconditional and conditional half
 * averaged, are kept, and from `gateStep` on they stand in for the cross-attentions, in one half without guidance. Follows the official code
 * (HaozheLiu-ST/T-GATE, tgate_processor and tgate_scheduler), without the self-attention caching that its second version adds. For plans of full steps.
 */
export function crossAttentionGate({
	gateStep,
}: {
	/** Default: 40 % of the evaluations, the official code's 10 of 25 steps. */
	readonly gateStep?: number;
}): (options: DenoiserOptions) => Denoiser {
	return (options) => {
		let gate =
			gateStep ??
			Math.max(1, Math.round(GATE_SHARE * options.sampler.timesteps.length));
		let begun = false;
		const { positive, negative } = options.conditioning;
		const kept: Record<string, Tensor> = {};
		let keeping = false;
		// the outputs are taken along at every step, though only one step's are kept: a graph without them would be another
		// whole network in memory
		const before = encoderPropagation({
			...options,
			unet: withCrossAttention(options.unet, "output", async (run) => {
				const features: Record<string, Tensor> = {};
				for (const [name, value] of Object.entries(await run({})))
					if (!name.startsWith(CROSS_ATTENTION)) features[name] = value;
					else if (keeping) kept[name] = negative ? meanOfHalves(value) : value;
				return features;
			}),
		});
		const after = encoderPropagation({
			...options,
			conditioning: { positive, guidanceScale: 1 },
			unet: withCrossAttention(options.unet, "input", (run) => run(kept)),
		});
		return (request) => {
			const [{ index }] = request.steps;
			// a run that begins behind the gate has yet to make what is kept
			if (!begun) gate = Math.max(gate, index + 1);
			begun = true;
			keeping = index === gate - 1;
			return index < gate ? before(request) : after(request);
		};
	};
}

/** The UNet with its cross-attentions as outputs or inputs; `around` is given the run, which takes further inputs. */
function withCrossAttention(
	unet: UnetRunner,
	crossAttention: "input" | "output",
	around: (
		run: (
			more: Readonly<Record<string, Tensor>>,
		) => Promise<Record<string, Tensor>>,
	) => Promise<Record<string, Tensor>>,
): UnetRunner {
	return {
		...unet,
		run: (part, inputs, at) =>
			around((more) =>
				unet.run({ ...part, crossAttention }, { ...inputs, ...more }, at),
			),
		flops: (part, dims) => unet.flops({ ...part, crossAttention }, dims),
	};
}

/** (a + b) / 2 of `[a × images, b × images]`. */
function meanOfHalves({ dims: [batch, ...rest], data }: Tensor): Tensor {
	const half = data.length / 2;
	return {
		dims: [batch / 2, ...rest],
		data: data.subarray(0, half).map((a, i) => (a + data[half + i]) / 2),
	};
}
