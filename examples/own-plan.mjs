// @ts-check
// What do key steps of one's own choice cost?    node examples/own-plan.mjs "a red apple"
import { loadPipeline, publishedKeySteps, writeImage } from "faster-diffusion";

const [prompt = "a red apple"] = process.argv.slice(2);
const pipeline = await loadPipeline();
const run = { prompt, sampler: "ddim", steps: 20, seed: 7 };

const [plain] = await pipeline.generate({ ...run, keySteps: "all" });
await writeImage("plain.png", plain.image);

const plans = {
	paper: publishedKeySteps(run.steps).join(),
	own: "0,1,2,4,8,12,16",
	// as `--key-steps FILE.json` reads it
	file: {
		sampler: "ddim",
		steps: 20,
		keySteps: [0, 5, 10, 15],
		injectNoise: 0,
	},
};
for (const [name, keySteps] of Object.entries(plans)) {
	const [result] = await pipeline.generate({ ...run, keySteps });
	await writeImage(`${name}.png`, result.image);
	const off = rootMeanSquare(plain.image.data, result.image.data);
	const saved = 1 - result.cost.flops / plain.cost.flops;
	console.log(
		`${name}: ${(100 * saved).toFixed(0)} % fewer operations, ${off.toFixed(1)} of 255 away from the plain image`,
	);
}

/** @param {Uint8Array} a @param {Uint8Array} b */
function rootMeanSquare(a, b) {
	return Math.sqrt(
		a.reduce((sum, x, i) => sum + (x - b[i]) ** 2, 0) / a.length,
	);
}
