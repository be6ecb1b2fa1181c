import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { denoise, denoised } from "../../src/pipeline/denoise.js";
import { openNetworks } from "../../src/pipeline/networks.js";
import { planFromStates } from "../../src/propagation/keyStepPlan.js";
import { parseStepState } from "../../src/propagation/stepState.js";
import { createSampler } from "../../src/samplers/createSampler.js";
import type { SamplerName } from "../../src/samplers/sampler.js";
import { concat, type Tensor } from "../../src/tensor/tensor.js";
import { openModel } from "../../src/weights/nodeOpenModel.js";
import { type GoldenArray, readGolden, relativeError } from "../goldenFile.js";
import { testEngine } from "../runtime/testEngine.js";

interface Case {
	name: string;
	model: string;
	sampler: SamplerName;
	steps: number;
	keySteps?: number[];
	states?: string[];
	extrapolation?: { order: 0 | 1 | 2; over: "timestep" | "log-snr" };
	injection: { alpha: number; until: number };
	guidanceScale: number;
	width: number;
	height: number;
	seeds: number[];
	evaluations: number;
	timesteps?: number[];
	initNoiseSigma: number;
}

const root = join(import.meta.dirname, "..");
const table = (name: string) =>
	JSON.parse(readFileSync(join(root, "golden", `${name}.json`), "utf8")) as {
		cases: Case[];
	};

const asTensor = (array: GoldenArray | undefined): Tensor => {
	if (!array) throw new Error("missing in the golden file");
	return { dims: array.dims, data: Float32Array.from(array.data) };
};

/** Another engine compiles every part anew for every size, which takes nearly all of its time: it runs one case of each kind, and all where CI asks for them. */
const ofEachKind = new Set([
	"tiny-sd-ddim-50-paper-plain-g7.5-128x128-n1",
	"tiny-sd2-ddim-20-uniform4-inject0.003-g1.0-160x96-n2",
	...["deepcache-4-11", "outer-after-decoder"],
	...["nothing-1-timestep", "features-2-timestep", "v-denoised-1"],
]);
const isRun = ({ name }: Case) =>
	testEngine.name === "onnxruntime" ||
	process.env.FDIFF_TEST_ALL !== undefined ||
	ofEachKind.has(name);

/** golden by test/reference/propagation.py and test/reference/plan_states.py */
for (const file of ["propagation", "plan-states"])
	describe(`final latents of ${file} are those of the reference over diffusers' UNet`, () => {
		const golden = readGolden(file);
		const models = new Map<
			string,
			{
				networks: ReturnType<typeof openNetworks>;
				scheduler: unknown;
			}
		>();
		beforeAll(async () => {
			for (const model of ["tiny-sd", "tiny-sd2"]) {
				const files = await openModel(join(root, "models", model));
				models.set(model, {
					networks: openNetworks(files, testEngine, { threads: 1 }),
					scheduler: files.scheduler.config,
				});
			}
		});
		afterAll(async () => {
			for (const { networks } of models.values()) await networks.release();
		});

		/** The run of a case, decoding up to `maxDecodeBatch` steps at once. */
		async function finalLatents(
			run: Case,
			maxDecodeBatch: number,
		): Promise<Float32Array> {
			const { networks, scheduler } = models.get(run.model)!;
			const sampler = createSampler({
				name: run.sampler,
				steps: run.steps,
				config: scheduler,
			});
			const evaluations = run.states?.length ?? run.evaluations;
			expect(sampler.timesteps).toHaveLength(evaluations);
			for (const [i, timestep] of (run.timesteps ?? []).entries())
				expect(sampler.timesteps[i]).toBeCloseTo(timestep, 4);
			const states = (run.states ?? []).map((word) =>
				parseStepState(word, run.name),
			);
			const keys = new Set(run.keySteps);
			const plan = planFromStates(
				run.states
					? states
					: sampler.timesteps.map((_, i) => ({
							run: keys.has(i) ? "full" : "decoder",
						})),
				evaluations,
				run.name,
				run.extrapolation,
			);
			const noise = concat(
				run.seeds.map((seed) =>
					asTensor(golden.get(`noise/${seed}/${run.height}x${run.width}`)),
				),
			);
			const text = (which: string) => {
				const one = asTensor(golden.get(`text/${run.model}/${which}`));
				return concat(run.seeds.map(() => one));
			};
			let count = 0;
			const { latents } = await denoised(
				denoise(networks.run(), {
					sampler,
					plan,
					conditioning: {
						positive: { encoder_hidden_states: text("positive") },
						...(run.guidanceScale > 1
							? { negative: { encoder_hidden_states: text("negative") } }
							: {}),
						guidanceScale: run.guidanceScale,
					},
					maxDecodeBatch,
					initialNoise: noise,
					injection: run.injection,
					noise: () => {
						throw new Error("a deterministic sampler asked for noise");
					},
				}),
				({ index }) => expect(index).toBe(count++),
			);
			expect(count).toBe(evaluations);
			return latents.data;
		}

		for (const [number, run] of table(file).cases.filter(isRun).entries())
			test(run.name, async () => {
				const expected = golden.get(run.name)!.data;
				// every other case decodes its segments in batches: the reference decodes one by one
				const batched = number % 2 === 1;
				const latents = await finalLatents(run, batched ? 8 : 1);
				expect(relativeError(latents, expected)).toBeLessThan(1e-4);
			});
	});
