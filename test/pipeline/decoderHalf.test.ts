import { expect, test } from "vitest";
import { createPipeline } from "../../src/pipeline/pipeline.js";
import { openModel } from "../../src/weights/nodeOpenModel.js";
import { oneThread, tinySd } from "./tinyModels.js";

test.each(["0,1", "0,1+tome:0.5"])(
	"both halves of the UNet are made ready at the same time, for the sizes that they run at: %s",
	async (keySteps) => {
		const heard: string[] = [];
		const sizesOf = (
			names: readonly string[],
			inputs: Readonly<Record<string, { readonly dims: readonly number[] }>>,
		) =>
			names.map((name) => `${name} ${inputs[name]?.dims.join("x")}`).join(", ");
		const pipeline = createPipeline(await openModel(tinySd), {
			...oneThread,
			async createSession(graph, options) {
				const session = await oneThread.createSession(graph, options);
				const isUnet =
					session.inputs.includes("sample") || session.inputs.includes("mid");
				if (!isUnet) return session;
				return {
					...session,
					async prepare(sizes) {
						heard.push(`prepare ${sizesOf(session.inputs, sizes)}`);
					},
					async run(inputs) {
						heard.push(`run ${sizesOf(session.inputs, inputs)}`);
						return session.run(inputs);
					},
				};
			},
		});
		// odd sizes of the latents at every level
		await pipeline.generate({
			prompt: "x",
			width: 72,
			height: 104,
			steps: 3,
			keySteps,
		});
		await pipeline.release();
		const [encoder, decoder, , firstRun] = heard;
		expect(encoder).toMatch(/^prepare .*sample 2x4x13x9/);
		expect(decoder).toMatch(/^prepare .*mid 2x\d+x2x2/);
		expect(firstRun).toBe(encoder.replace("prepare", "run"));
		const runs = heard.filter((line) => line.startsWith("run"));
		expect(runs).toHaveLength(5);
		expect(runs[1]).toBe(decoder.replace("prepare", "run"));
	},
);
