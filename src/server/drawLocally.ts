import { encodeImage } from "../image/nodeEncodeImage.js";
import type { GeneratedImage } from "../pipeline/generatedImage.js";
import { toldEvents } from "../pipeline/toldEvents.js";
import type { FinishedImage, Runner } from "./job.js";
import type { ModelShelf } from "./models.js";

const PREVIEW_QUALITY = 85;

/** Draws in this process. */
export function drawLocally(shelf: ModelShelf): Runner {
	return ({ request }, tell, signal) =>
		shelf.use(request.model, async (pipeline) => {
			const { options, previewEvery } = request;
			const events = pipeline.stream({ ...options, previewEvery, signal });
			for await (const event of toldEvents(events, request.evaluations))
				switch (event.type) {
					case "step": {
						const { preview, ...step } = event;
						tell({
							...step,
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
						break;
					default:
						tell(event);
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
