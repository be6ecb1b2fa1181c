import { canvasEncode } from "../../../src/image/canvasEncode.js";
import type { GenerateOptions } from "../../../src/pipeline/options.js";
import type { Pipeline } from "../../../src/pipeline/pipeline.js";
import { toldEvents } from "../../../src/pipeline/toldEvents.js";
import type { PlainEvent } from "./workerMessages.js";

const PREVIEW_QUALITY = 85;

/** What the page is told of a run, as the server tells it. */
export async function* drawRun(
	pipeline: Pipeline,
	model: string,
	options: GenerateOptions,
): AsyncGenerator<PlainEvent> {
	const began = performance.now();
	const { evaluations, numImages } = pipeline.settings(options);
	yield { type: "started", images: numImages, steps: evaluations };
	for await (const event of toldEvents(pipeline.stream(options), evaluations))
		switch (event.type) {
			case "step": {
				const { preview, ...step } = event;
				yield {
					...step,
					...(preview && {
						preview: dataUrl(
							await canvasEncode(preview, "jpeg", {
								quality: PREVIEW_QUALITY,
							}),
						),
					}),
				};
				break;
			}
			case "image": {
				const { index, seed, image, parameters } = event.result;
				const { options: made, cost, model: told } = event.result.toJSON();
				yield {
					type: "image",
					picture: {
						index,
						seed: typeof seed === "bigint" ? String(seed) : seed,
						width: image.width,
						height: image.height,
						png: new Blob([await event.result.encode("png")], {
							type: "image/png",
						}),
						parameters,
						options: { ...made },
						cost,
						model: { ...told, label: model },
					},
				};
				break;
			}
			default:
				yield event;
		}
	yield { type: "done", seconds: (performance.now() - began) / 1000 };
}

function dataUrl(bytes: Uint8Array): string {
	let text = "";
	for (const byte of bytes) text += String.fromCharCode(byte);
	return `data:image/jpeg;base64,${btoa(text)}`;
}
