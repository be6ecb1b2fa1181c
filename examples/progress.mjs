// @ts-check
// Follows a run step by step, and stops it:    node examples/progress.mjs "a red apple" 12
import { loadPipeline } from "faster-diffusion";

const [prompt = "a red apple", enough = "12"] = process.argv.slice(2);
const pipeline = await loadPipeline();
const controller = new AbortController();

try {
	for await (const event of pipeline.stream({
		prompt,
		steps: 20,
		seed: 7,
		keySteps: "paper",
		signal: controller.signal,
	})) {
		if (event.kind === "image")
			console.log("done:", event.result.image.width, "pixels wide");
		if (event.kind !== "step") continue;
		const { index, count, timestep, encoderRan, denoised, seconds } =
			event.step;
		// `denoised` is the step's estimate of the clean latents: a preview is its mean over the channels, or a run of the VAE
		const brightness = denoised.data.reduce((sum, x) => sum + x, 0);
		console.log(
			`step ${index + 1}/${count} at t = ${timestep.toFixed(0)}: ${encoderRan ? "key step" : "decoder only"},`,
			`${(1000 * seconds).toFixed(0)} ms, mean latent ${(brightness / denoised.data.length).toFixed(3)}`,
		);
		// checked before the next run of the network; `break` would stop it too
		if (index + 1 === Number(enough)) controller.abort();
	}
} catch (error) {
	if (!controller.signal.aborted) throw error;
	console.log("stopped");
}
