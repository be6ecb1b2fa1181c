import { join } from "node:path";
import type {
	GeneratedImage,
	Pipeline,
	PipelineEvent,
} from "../../src/pipeline/pipeline.js";

export const models = join(import.meta.dirname, "..", "models");
/** Random weights in the shapes of SD 1.x; its images mean nothing, but they are images. */
export const tinySd = join(models, "tiny-sd");
export const tinySd2 = join(models, "tiny-sd2");

/** Everything a run says, in order. */
export async function eventsOf(
	stream: AsyncIterable<PipelineEvent>,
): Promise<PipelineEvent[]> {
	const events: PipelineEvent[] = [];
	for await (const event of stream) events.push(event);
	return events;
}

export const pixels = ({ image }: GeneratedImage) => Array.from(image.data);
export const latents = ({ latents }: GeneratedImage) =>
	Array.from(latents.data);

/** Counts the UNet's runs of a pipeline, by part. */
export function countRuns(pipeline: Pipeline): Record<string, number> {
	const counts: Record<string, number> = { encoder: 0, decoder: 0 };
	const { unet } = pipeline.networks;
	const { run } = unet;
	unet.run = (part, inputs, at) => {
		counts[part.encoder === "full" ? "encoder" : "decoder"]++;
		return run(part, inputs, at);
	};
	return counts;
}

/** Pixels that differ by more than `tolerance`, and the largest difference there is. */
export function differences(
	actual: ArrayLike<number>,
	expected: ArrayLike<number>,
): { largest: number; differing: number } {
	if (actual.length !== expected.length)
		return { largest: Number.NaN, differing: Number.NaN };
	let largest = 0;
	let differing = 0;
	for (let i = 0; i < expected.length; i++) {
		const difference = Math.abs(actual[i] - expected[i]);
		largest = Math.max(largest, difference);
		if (difference > 0) differing++;
	}
	return { largest, differing };
}
