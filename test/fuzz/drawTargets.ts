import { psnr } from "../../src/metrics/psnr.js";
import { ssim } from "../../src/metrics/ssim.js";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import type { Pipeline } from "../../src/pipeline/pipeline.js";
import { SIGMA_SCHEDULES } from "../../src/samplers/config/samplerConfig.js";
import { createSampler } from "../../src/samplers/createSampler.js";
import { SAMPLER_NAMES } from "../../src/samplers/sampler.js";
import { evaluationCount } from "../../src/samplers/samplerSteps.js";
import { mutatedOptions } from "./mutate.js";
import type { Random } from "./random.js";
import { promise, target, tinySd } from "./target.js";

const PROMPTS = [
	...[
		"a",
		"",
		"(a:1.5) [b]",
		"a ".repeat(200),
		"BREAK",
		"é日本",
		"(((((",
		"\ud800",
	],
	...["(a:0)", "(a:-5)", "(a:1000000)", "(a:1e400)", "a\nSteps: 3", "\0"],
];
const STATES = [
	...[
		"full",
		"decoder",
		"outer:1",
		"outer:2",
		"outer:3",
		"outer:1:kept",
		"outer:2:kept",
	],
	...[
		"outer:9",
		"nothing:0",
		"nothing:1",
		"nothing:2",
		"nothing:1:denoised",
		"nothing:0:denoised",
	],
];
const PLAN_WORDS = [
	...[
		"all",
		"paper",
		"uniform:2",
		"deepcache:2:1",
		"deepcache:2:12",
		"adaptive:0.2",
	],
	...[
		"ucache:0.3",
		"easycache:0.2",
		"tgate:1",
		"tome:0.5",
		"cfg-cutoff:0.5",
		"auto",
	],
];
const ENDINGS = [
	"",
	"",
	"@1",
	"@2",
	"@1:log-snr",
	"@2:log-snr",
	"+cfg-cutoff:0.5",
	"+tome:0.3",
];

function plan(random: Random, evaluations: number): string {
	const words = random.chance(0.4)
		? random.pick(PLAN_WORDS)
		: [
				"full",
				...Array.from({ length: evaluations - 1 }, () => random.pick(STATES)),
			].join();
	return words + random.pick(ENDINGS);
}

/** Options that are right one by one; not every choice goes with every other. */
export function rightOptions(random: Random) {
	const sampler = random.pick(SAMPLER_NAMES);
	const steps = 1 + random.whole(4);
	return {
		...{ prompt: random.pick(PROMPTS), sampler, steps },
		keySteps: plan(random, evaluationCount(sampler, steps)),
		schedule: random.pick(["default", "default", ...SIGMA_SCHEDULES]),
		width: random.pick([8, 16, 64, 72]),
		height: random.pick([8, 24, 64]),
		guidanceScale: random.pick([0, 1, 7.5, 100]),
		negativePrompt: random.pick(["", "bad ".repeat(90), "(a:0)"]),
		eta: random.pick([0, 0, 0.5, 1]),
		seed: random.pick([0, -1, 5n, 2n ** 64n - 1n, -(2n ** 63n), "7"]),
		clipSkip: random.pick([0, 1, 2, 4]),
		promptWeighting: random.chance(0.5),
		longPrompts: random.chance(0.5),
		tiledDecoding: random.chance(0.3),
		injectNoise: random.pick([0, 0.003, 1]),
		injectUntil: random.pick([0, 0.5, 1]),
		numImages: random.pick([1, 1, 3]),
		batchSize: random.pick([1, 2, 5]),
		maxDecodeBatch: random.pick([1, 2, 8]),
		rng: random.pick(["cpu", "cuda"]),
		...(random.chance(0.1) && {
			predictionType: random.pick(["epsilon", "v_prediction", "sample"]),
		}),
		...(random.chance(0.1) && {
			schedulerConfig: random.pick([
				{ beta_end: 0.02 },
				{ steps_offset: 500 },
				{ num_train_timesteps: 20 },
				{ timestep_spacing: "trailing" },
				{ rescale_betas_zero_snr: true },
			]),
		}),
	};
}

/** Whether a run is right and takes its time: thousands of images do. */
function isLong(options: unknown): boolean {
	const { numImages, steps } = Object(options) as Record<string, unknown>;
	const count = (value: unknown, usual: number) =>
		typeof value === "number" ? value : usual;
	return count(numImages, 1) * count(steps, 20) > 100;
}

/** Draws, unless that would take long: numbers are finite and pictures of their size, or it is refused. */
export async function drawWhole(
	pipeline: Pipeline,
	options: unknown,
): Promise<void> {
	if (isLong(options)) return;
	const images = await pipeline.generate(
		options as Parameters<typeof pipeline.generate>[0],
	);
	for (const { latents, image } of images) {
		promise(latents.data.every(Number.isFinite), "latents are not finite");
		promise(
			image.data.length === 3 * image.width * image.height,
			"a picture of another size",
		);
	}
}

export const drawTargets = [
	target("settings", async () => {
		const pipeline = await loadPipeline(tinySd, { threads: 1 });
		return {
			make: (random) => mutatedOptions(rightOptions(random), random),
			run: (options) =>
				pipeline.settings(options as Parameters<typeof pipeline.settings>[0]),
		};
	}),
	target("model-options", async () => {
		const right = {
			dtype: "fp32",
			device: "cpu",
			threads: 1,
			keepResident: true,
			precision: "fp32",
			variant: "a",
		};
		return {
			make: (random) => mutatedOptions(right, random),
			run: async (options) => {
				const pipeline = await loadPipeline(
					tinySd,
					options as Parameters<typeof loadPipeline>[1],
				);
				await pipeline.release();
			},
		};
	}),
	target("draw", async () => {
		const pipeline = await loadPipeline(tinySd, { threads: 1 });
		return {
			make: (random) => {
				const right = rightOptions(random);
				return random.chance(0.2) ? mutatedOptions(right, random) : right;
			},
			run: (options) => drawWhole(pipeline, options),
		};
	}),
	target("sampler-options", async () => ({
		make: (random) =>
			mutatedOptions(
				{
					name: random.pick(SAMPLER_NAMES),
					...{ steps: 3, times: [900, 500, 100], schedule: "default", eta: 0 },
					overrides: { beta_end: 0.02 },
				},
				random,
			),
		run: (options) => {
			const { timesteps } = createSampler(
				options as Parameters<typeof createSampler>[0],
			);
			promise(timesteps.every(Number.isFinite), "timesteps are not finite");
		},
	})),
	target("similarity", async () => ({
		make: (random) => {
			const picture = () => {
				const width = random.pick([1, 2, 8, 11, 12]);
				const height = random.pick([1, 8, 12]);
				return {
					width,
					height,
					data: Uint8Array.from({ length: 3 * width * height }, () =>
						random.whole(256),
					),
				};
			};
			const first = picture();
			return {
				first,
				second: random.chance(0.5)
					? { ...first, data: first.data.map((value) => value ^ 1) }
					: picture(),
			};
		},
		run: ({ first, second }) => {
			try {
				promise(!Number.isNaN(psnr(first, second)), "PSNR is NaN");
				promise(!Number.isNaN(ssim(first, second)), "SSIM is NaN");
			} catch (error) {
				// what they promise of pictures of unlike or too small sizes
				if (!(error instanceof RangeError)) throw error;
			}
		},
	})),
];
