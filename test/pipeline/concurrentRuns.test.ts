import { cp, mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import type { GenerateOptions } from "../../src/pipeline/options.js";
import { createPipeline } from "../../src/pipeline/pipeline.js";
import { openModel } from "../../src/weights/nodeOpenModel.js";
import { latents, pixels, tinySd, watchedEngine } from "./tinyModels.js";

const run = (steps: number, seed: number): GenerateOptions => ({
	prompt: "a red apple",
	width: 64,
	height: 64,
	steps,
	seed,
});

describe.each([true, false])(
	"two runs at once (networks resident: %s)",
	(keepResident) => {
		const options = { threads: 1, keepResident };

		test("make the images that they make one after the other", async () => {
			const alone = await loadPipeline(tinySd, options);
			const expected = [
				await alone.generate(run(4, 1)),
				await alone.generate(run(40, 2)),
			];
			const { engine, loaded, everLoaded } = watchedEngine();
			const both = createPipeline(await openModel(tinySd), engine, options);
			const images = await Promise.all([
				both.generate(run(4, 1)),
				both.generate(run(40, 2)),
			]);
			for (const [n, [image]] of images.entries()) {
				expect(latents(image)).toEqual(latents(expected[n][0]));
				expect(pixels(image)).toEqual(pixels(expected[n][0]));
			}
			// the short run's UNet loads fast, the long one's is optimized: each as it would be alone
			expect(everLoaded.some((name) => /unet extended/.test(name))).toBe(true);
			expect(everLoaded.some((name) => /unet all/.test(name))).toBe(true);
			expect(loaded.size).toBe(keepResident ? everLoaded.length : 0);
			await both.release();
			expect(loaded.size).toBe(0);
			await alone.release();
		});

		test("one may begin and end in the middle of another", async () => {
			const pipeline = await loadPipeline(tinySd, options);
			const expected = await pipeline.generate(run(5, 1));
			const inner: unknown[] = [];
			for await (const event of pipeline.stream(run(5, 1))) {
				if (event.kind === "step" && event.step.index === 2) {
					const [image] = await pipeline.generate(run(5, 1));
					inner.push(pixels(image));
				}
				if (event.kind === "image") inner.push(pixels(event.result));
			}
			expect(inner).toEqual([pixels(expected[0]), pixels(expected[0])]);
			await pipeline.release();
		});

		test("a release waits for network calls, and the run goes on", async () => {
			const pipeline = await loadPipeline(tinySd, options);
			const expected = await pipeline.generate(run(6, 1));
			const running = pipeline.generate(run(6, 1));
			for (let n = 0; n < 5; n++) {
				await new Promise((resolve) => setTimeout(resolve, 20));
				await pipeline.release();
			}
			expect(pixels((await running)[0])).toEqual(pixels(expected[0]));
			await pipeline.release();
		});

		test("one that is aborted leaves the other alone", async () => {
			const pipeline = await loadPipeline(tinySd, options);
			const expected = await pipeline.generate(run(6, 1));
			const controller = new AbortController();
			const aborted = pipeline.generate({
				...run(40, 2),
				signal: controller.signal,
			});
			const other = pipeline.generate(run(6, 1));
			setTimeout(() => controller.abort(new Error("enough")), 30);
			await expect(aborted).rejects.toThrow("enough");
			expect(pixels((await other)[0])).toEqual(pixels(expected[0]));
			await pipeline.release();
		});
	},
);

test("networks that make room for each other are never there together", async () => {
	const watched = watchedEngine();
	const pipeline = createPipeline(await openModel(tinySd), watched.engine, {
		keepResident: false,
		threads: 1,
	});
	await Promise.all([1, 2, 3].map((seed) => pipeline.generate(run(8, seed))));
	// the UNet in one graph
	expect(watched.mostLoaded).toBe(1);
	expect(watched.loaded.size).toBe(0);
});

test("a load that failed is tried again", async () => {
	const folder = await mkdtemp(join(tmpdir(), "fdiff-load-"));
	try {
		await cp(tinySd, folder, { recursive: true });
		const pipeline = await loadPipeline(folder, {
			threads: 1,
			keepResident: true,
		});
		const weights = join(folder, "unet", "diffusion_pytorch_model.safetensors");
		await rename(weights, `${weights}.away`);
		await expect(pipeline.generate(run(2, 1))).rejects.toThrow(/unet/);
		await rename(`${weights}.away`, weights);
		await expect(pipeline.generate(run(2, 1))).resolves.toHaveLength(1);
		await pipeline.release();
	} finally {
		await rm(folder, { recursive: true });
	}
});

test("a network whose engine fails is loaded anew for the next run", async () => {
	const { engine, loaded, everLoaded } = watchedEngine();
	let failures = 1;
	const pipeline = createPipeline(await openModel(tinySd), {
		...engine,
		async createSession(...given) {
			const session = await engine.createSession(...given);
			return {
				...session,
				async run(inputs) {
					if (inputs.sample && failures-- > 0)
						throw new Error("the engine's thread ended");
					return session.run(inputs);
				},
			};
		},
	});
	await expect(pipeline.generate(run(2, 1))).rejects.toThrow("thread ended");
	await expect(pipeline.generate(run(2, 1))).resolves.toHaveLength(1);
	const unets = everLoaded.filter((name) => name.startsWith("unet"));
	expect(unets).toHaveLength(2);
	expect(loaded.has(unets[0])).toBe(false);
	await pipeline.release();
	expect(loaded.size).toBe(0);
});
