import { expect, test } from "vitest";
import type { GenerateOptions } from "../../src/pipeline/options.js";
import { createPipeline } from "../../src/pipeline/pipeline.js";
import type { Engine } from "../../src/runtime/engine.js";
import { openModel } from "../../src/weights/nodeOpenModel.js";
import {
	differences,
	latents,
	pixels,
	tinySd,
	watchedEngine,
} from "./tinyModels.js";

const options = {
	threads: 1,
	optimization: "all",
	keepResident: true,
} as const;
const base = { width: 64, height: 64, steps: 6 } as const;
const runs: readonly GenerateOptions[] = [
	{ ...base, prompt: "a red apple", seed: 1, keySteps: "all" },
	{ ...base, prompt: "a cup", negativePrompt: "red", seed: 2, keySteps: "all" },
	// at other steps, with noise of their own, and unguided: still rows of the same network
	{ ...base, prompt: "a cat", seed: 3, steps: 5, sampler: "euler-a" },
	{ ...base, prompt: "a kite", seed: 4, guidanceScale: 1, numImages: 2 },
	{ ...base, prompt: "a dog", seed: 5, keySteps: "uniform:3" },
	{ ...base, prompt: "a hat", seed: 6, keySteps: "deepcache:3" },
];

async function shared(engine?: Engine) {
	const watched = watchedEngine();
	const files = await openModel(tinySd);
	return {
		watched,
		pipeline: createPipeline(files, engine ?? watched.engine, {
			...options,
			shareCalls: true,
		}),
	};
}

/** What each run makes without company, and the calls of the network for all of them. */
let lone: ReturnType<typeof drawAlone> | undefined;
function alone() {
	lone ??= drawAlone();
	return lone;
}

async function drawAlone() {
	const { engine, runs: calls } = watchedEngine();
	const pipeline = createPipeline(await openModel(tinySd), engine, options);
	const images = [];
	for (const run of runs) images.push(await pipeline.generate(run));
	await pipeline.release();
	return { images, calls: calls.encoder + calls.decoder };
}

function expectSame(
	drawn: Awaited<ReturnType<typeof alone>>["images"][number],
	expected: typeof drawn,
): void {
	expect(drawn.length).toBe(expected.length);
	for (const [n, image] of drawn.entries()) {
		expect(
			differences(latents(image), latents(expected[n])).largest,
		).toBeLessThan(1e-5);
		expect(
			differences(pixels(image), pixels(expected[n])).largest,
		).toBeLessThanOrEqual(1);
		expect(image.parameters).toBe(expected[n].parameters);
		expect(image.cost.encoderRuns).toBe(expected[n].cost.encoderRuns);
		expect(image.cost.flops).toBe(expected[n].cost.flops);
	}
}

test("runs at the same time call the network together; each makes its own images", async () => {
	const expected = await alone();
	const { pipeline, watched } = await shared();
	const drawn = await Promise.all(runs.map((run) => pipeline.generate(run)));
	for (const [n, images] of drawn.entries())
		expectSame(images, expected.images[n]);
	const calls = watched.runs.encoder + watched.runs.decoder;
	expect(calls).toBeLessThan(0.6 * expected.calls);
	await pipeline.release();
});

test("one that is stopped, one that fails and one that nobody follows leave the others alone", async () => {
	const { images } = await alone();
	const { pipeline } = await shared();
	const stop = new AbortController();
	const stopped = pipeline.generate({
		...runs[0],
		steps: 100,
		signal: stop.signal,
	});
	const failing = pipeline.generate({
		...runs[0],
		denoiser: () =>
			async function* () {
				yield* [];
			},
	});
	const ends = Promise.all([
		expect(failing).rejects.toThrow("no prediction"),
		expect(stopped).rejects.toThrow("aborted"),
	]);
	// takes a step, and then none: its consumer has gone for a walk
	const left = pipeline.stream(runs[0]);
	await left.next();
	const drawn = Promise.all(
		runs.slice(0, 3).map((run) => pipeline.generate(run)),
	);
	setTimeout(() => stop.abort(), 50);
	await ends;
	for (const [n, own] of (await drawn).entries()) expectSame(own, images[n]);
	await left.return();
	await pipeline.release();
});

test("where there is no memory for all, each has its own", async () => {
	const { images } = await alone();
	const { engine } = watchedEngine();
	const small: Engine = {
		...engine,
		async createSession(graph, how) {
			const session = await engine.createSession(graph, how);
			return {
				...session,
				run: async (inputs) => {
					if ((inputs.timestep?.dims[0] ?? 0) > 2)
						throw new Error("bad allocation");
					return session.run(inputs);
				},
			};
		},
	};
	const { pipeline } = await shared(small);
	const drawn = await Promise.all(
		runs.slice(0, 2).map((run) => pipeline.generate(run)),
	);
	for (const [n, own] of drawn.entries()) expectSame(own, images[n]);
	await pipeline.release();
});

test("pictures of other sizes go alone, and large ones gain nothing", async () => {
	const { pipeline } = await shared();
	const sizes = [
		{ width: 64, height: 64 },
		{ width: 128, height: 64 },
	];
	const drawn = await Promise.all(
		sizes.map((size) => pipeline.generate({ ...runs[0], ...size })),
	);
	expect(drawn.map(([{ image }]) => [image.width, image.height])).toEqual([
		[64, 64],
		[128, 64],
	]);
	const gains = (size: number) =>
		pipeline.sharesCalls(
			pipeline.settings({ prompt: "a cup", width: size, height: size }),
		);
	expect(gains(64)).toBe(true);
	expect(gains(4096)).toBe(false);
	// what has networks of its own is drawn alone
	expect(
		pipeline.sharesCalls(
			pipeline.settings({
				...runs[0],
				prompt: "a cup",
				embeddings: [{ path: "cup.pt", token: "cup" }],
			}),
		),
	).toBe(false);
	await pipeline.release();
	const { engine } = watchedEngine();
	const plain = createPipeline(await openModel(tinySd), engine, options);
	expect(plain.sharesCalls(plain.settings(runs[0]))).toBe(false);
	await plain.release();
});
