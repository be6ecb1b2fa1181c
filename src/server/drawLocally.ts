import { encodeImage } from "../image/nodeEncodeImage.js";
import type { GeneratedImage } from "../pipeline/generatedImage.js";
import { stepStateWord } from "../propagation/stepState.js";
import type { FinishedImage, Runner } from "./job.js";
import type { ModelShelf } from "./models.js";

const PREVIEW_QUALITY = 85;

/** Draws in this process. */
export function drawLocally(shelf: ModelShelf): Runner {
	return ({ request }, tell, signal) =>
		shelf.use(request.model, async (pipeline) => {
			const { options, previewEvery } = request;
			let first = -1;
			let taken = 0;
			for await (const event of pipeline.stream({
				...options,
				previewEvery,
				signal,
			}))
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
						const { step, image, preview } = event;
						if (image !== first) taken = 0;
						first = image;
						taken++;
						tell({
							type: "step",
							image,
							step: taken,
							steps: request.evaluations,
							state: stepStateWord(step.state),
							seconds: step.seconds,
							preview:
								preview &&
								(await encodeImage(preview, "jpeg", {
									quality: PREVIEW_QUALITY,
								})),
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
