import type { RgbImage } from "../image/rgbImage.js";
import { stepStateWord } from "../propagation/stepState.js";
import type { GeneratedImage, PipelineEvent } from "./generatedImage.js";
import type { Warning } from "./warning.js";

/** That a step was taken. */
export interface ToldStep<Preview> {
	readonly type: "step";
	/** The image, or the first of the batch, that took the step. */
	readonly image: number;
	/** 1-based. */
	readonly step: number;
	readonly steps: number;
	/** What ran, as plans write it: `full`, `decoder`, `outer:3`, `nothing:1`. */
	readonly state: string;
	readonly seconds: number;
	/** What the step predicts. */
	readonly preview?: Preview;
}

/** An event of a run as it is told to those who follow it from elsewhere, its picture and preview not yet encoded. */
export type ToldEvent =
	| {
			readonly type: "loading";
			readonly network: string;
			readonly seconds?: number;
	  }
	| ({ readonly type: "warning" } & Warning)
	| ToldStep<RgbImage>
	| { readonly type: "image"; readonly result: GeneratedImage };

/** The events of a run, its steps numbered anew for each batch. @param steps network evaluations of an image */
export async function* toldEvents(
	events: AsyncIterable<PipelineEvent>,
	steps: number,
): AsyncGenerator<ToldEvent> {
	let first = -1;
	let taken = 0;
	for await (const event of events)
		switch (event.kind) {
			case "loading": {
				const { network, seconds } = event;
				yield {
					type: "loading",
					network,
					...(seconds !== undefined && { seconds }),
				};
				break;
			}
			case "warning":
				yield { type: "warning", code: event.code, message: event.message };
				break;
			case "step": {
				const { step, image, preview } = event;
				if (image !== first) taken = 0;
				first = image;
				taken++;
				yield {
					type: "step",
					image,
					step: taken,
					steps,
					state: stepStateWord(step.state),
					seconds: step.seconds,
					...(preview && { preview }),
				};
				break;
			}
			case "image":
				yield { type: "image", result: event.result };
		}
}
