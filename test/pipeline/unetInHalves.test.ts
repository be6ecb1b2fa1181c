import { expect, test } from "vitest";
import { SMALL_MODEL } from "../../src/pipeline/networkBytes.js";
import { createPipeline } from "../../src/pipeline/pipeline.js";
import { openModel } from "../../src/weights/nodeOpenModel.js";
import { latents, tinySd, watchedEngine } from "./tinyModels.js";

const run = {
	prompt: "x",
	steps: 3,
	width: 64,
	height: 64,
	seed: 1,
	keySteps: "all",
};

test("a large model that stays in memory draws plain runs by the halves that key steps need: the same images, one set of weights", async () => {
	const files = await openModel(tinySd);
	const small = watchedEngine();
	const whole = createPipeline(files, small.engine, { threads: 1 });
	const [expected] = await whole.generate(run);
	await whole.release();
	const { unet } = files.networks;
	const [[name, entry]] = unet.weights.tensors;
	// nobody reads that many bytes: it only counts as large
	const tensors = new Map(unet.weights.tensors).set(`${name}.unused`, {
		...entry,
		length: SMALL_MODEL + 1,
	});
	const large = watchedEngine();
	const halves = createPipeline(
		{
			...files,
			networks: {
				...files.networks,
				unet: { ...unet, weights: { ...unet.weights, tensors } },
			},
		},
		large.engine,
		{ threads: 1, keepResident: true },
	);
	const [image] = await halves.generate(run);
	await halves.generate({ ...run, keySteps: "0" });
	await halves.release();
	const kinds = ({ everLoaded }: typeof large) =>
		everLoaded.map((each) => each.split(" ")[0]).toSorted();
	expect(kinds(small)).toEqual(["text", "unet", "vae"]);
	expect(kinds(large)).toEqual(["decoder", "encoder", "text", "vae"]);
	expect(latents(image)).toEqual(latents(expected));
});
