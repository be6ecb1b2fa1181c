import { encodeImage } from "../image/nodeEncodeImage.js";
import type { DenoisingStep } from "../pipeline/denoisingLoop.js";
import type { GeneratedImage } from "../pipeline/generatedImage.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import { stepStateWord } from "../propagation/stepState.js";
import type { FinishedImage, Runner } from "./job.js";
import type { ModelShelf } from "./models.js";

const PREVIEW_QUALITY = 85;

/** Draws in this process. */
export function drawLocally(shelf: ModelShelf): Runner {
	return (request, tell, signal) =>
		shelf.use(request.model, async (pipeline) => {
			const { options, previewEvery } = request;
			let first = -1;
			let taken = 0;
			for await (const event of pipeline.stream({ ...options, signal }))
				switch (event.kind) {
					case "loading":
						tell({
							type: "loading",
							network: event.network,
							seconds: event.seconds,
						});
						break;
					case "warning":
						tell({
							type: "warning",
							code: event.code,
							message: event.message,
						});
						break;
					case "step": {
						const { step, image } = event;
						if (image !== first) taken = 0;
						first = image;
						taken++;
						const shown = previewEvery > 0 && taken % previewEvery === 0;
						tell({
							type: "step",
							image,
							step: taken,
							steps: request.evaluations,
							state: stepStateWord(step.state),
							seconds: step.seconds,
							preview: shown
								? await previewOf(pipeline, step, signal)
								: undefined,
						});
						break;
					}
					case "image":
						tell({
							type: "image",
							result: finished(event.result, request.model),
						});
				}
		});
}

/** What a step predicts for the first image of its batch, as a JPEG. */
async function previewOf(
	pipeline: Pipeline,
	{ denoised }: DenoisingStep,
	signal: AbortSignal,
): Promise<Uint8Array> {
	const dims = [1, ...denoised.dims.slice(1)];
	const [picture] = await pipeline.decode(
		{
			dims,
			data: denoised.data.slice(
				0,
				dims.reduce((product, dim) => product * dim),
			),
		},
		{ tiledDecoding: true, signal },
	);
	return encodeImage(picture, "jpeg", { quality: PREVIEW_QUALITY });
}

function finished(result: GeneratedImage, model: string): FinishedImage {
	const { index, seed, image, parameters } = result;
	const json = result.toJSON();
	return {
		index,
		seed,
		image,
		parameters,
		// what it was called when it was loaded may be a path
		json: { ...json, model: { ...json.model, label: model } },
	};
}
