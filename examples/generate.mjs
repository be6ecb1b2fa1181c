// @ts-check
// A prompt becomes an image file:    node examples/generate.mjs "a red apple" apple.png
import { imageParameters, loadPipeline, writeImage } from "faster-diffusion";

const [prompt = "a red apple", file = "apple.png"] = process.argv.slice(2);

// the embedded model; or a diffusers folder, a Hub id such as "stable-diffusion-v1-5/stable-diffusion-v1-5", a .safetensors file
const pipeline = await loadPipeline();
const [result] = await pipeline.generate({ prompt, steps: 20, seed: 7 });

// the parameters let `fdiff generate --from-image` make the same image again
await writeImage(file, result.image, {
	parameters: imageParameters(result, pipeline),
});
const { encoderRuns, evaluations, denoisingSeconds } = result.cost;
console.log(
	`${file}: the encoder ran in ${encoderRuns} of ${evaluations} steps, ${denoisingSeconds.toFixed(2)} s`,
);
