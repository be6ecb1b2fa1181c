import { join } from "node:path";
import { loadPipeline } from "../src/pipeline/nodeLoadPipeline.js";
import { EMBEDDED_MODEL } from "../src/weights/nodeEmbeddedModels.js";
import { randomModel } from "./randomModel.js";
import { printTable } from "./table.js";

const samplers = [
	["ddim", 50],
	["dpm-solver", 20],
	["dpm-solver++", 20],
] as const;

/** Compiled, this file is one level deeper than the package's own sources. */
const embedded = join(
	import.meta.dirname,
	"..",
	"..",
	"models",
	EMBEDDED_MODEL,
);

/**
 * Whole images, plain and with the paper's key steps, in turns; `bound` is what the spared floating-point operations alone would bring.
 * Seconds are those of the denoising loop, the least of all rounds; decoding the image is the same for both.
 */
export async function wholeImages(): Promise<void> {
	for (const [title, model, size, rounds] of [
		["the embedded model, 128 x 128", embedded, undefined, 3],
		[
			"Stable Diffusion v1.5's size, random weights, 256 x 256",
			await randomModel(),
			256,
			1,
		],
	] as const) {
		const pipeline = await loadPipeline(model, {
			keepResident: true,
			optimization: "all",
		});
		const draw = async (sampler: string, steps: number, keySteps: string) => {
			const [{ cost }] = await pipeline.generate({
				prompt: "a red apple",
				seed: 1,
				sampler,
				steps,
				keySteps,
				...(size ? { width: size, height: size } : {}),
			});
			return cost;
		};
		await draw("ddim", 1, "all");
		const rows: string[][] = [];
		for (const [sampler, steps] of samplers) {
			let plain = await draw(sampler, steps, "all");
			let propagated = await draw(sampler, steps, "paper");
			for (let round = 1; round < rounds; round++) {
				const again = await draw(sampler, steps, "all");
				if (again.denoisingSeconds < plain.denoisingSeconds) plain = again;
				const too = await draw(sampler, steps, "paper");
				if (too.denoisingSeconds < propagated.denoisingSeconds)
					propagated = too;
			}
			const speedUp = plain.denoisingSeconds / propagated.denoisingSeconds;
			const bound = plain.flops / propagated.flops;
			rows.push([
				`${sampler}, ${steps} steps, ${propagated.encoderRuns} key steps`,
				plain.denoisingSeconds.toFixed(2),
				propagated.denoisingSeconds.toFixed(2),
				`${(100 * (1 - 1 / bound)).toFixed(1)} %`,
				`${speedUp.toFixed(3)}x`,
				`${bound.toFixed(3)}x`,
				`${((100 * speedUp) / bound).toFixed(0)} %`,
				propagated.decodingSeconds.toFixed(2),
			]);
		}
		await pipeline.release();
		printTable(
			`Whole images: ${title}`,
			[
				"sampler",
				"plain, s",
				"propagated, s",
				"FLOPs saved",
				"speed-up",
				"bound",
				"of the bound",
				"VAE, s",
			],
			rows,
		);
	}
}
