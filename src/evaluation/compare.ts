import type { GeneratedImage } from "../pipeline/generatedImage.js";
import type { GenerateOptions } from "../pipeline/options.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import type { Progress } from "../pipeline/progress.js";

/** One way to draw a prompt, and what it drew. */
export interface Contender {
	readonly name: string;
	readonly result: GeneratedImage;
}

/**
 * Draws a prompt plainly, as the options say, and plainly with as many steps as take the time of the second; in this order.
 * Loading is in nobody's time.
 * @param options with a seed, and the key steps that are compared
 */
export async function compareRuns(
	pipeline: Pipeline,
	options: GenerateOptions,
	onProgress: (progress: Progress) => void = () => {},
): Promise<Contender[]> {
	await warmUp(pipeline, options);
	const settings = pipeline.settings(options);
	const { picture, hires } = settings;
	// of the run that the plan takes the place of
	const steps = settings.standsFor ?? settings.steps;
	// fewer would not begin at all
	const fewest = Math.ceil(
		1 / Math.min(picture?.strength ?? 1, hires?.strength ?? 1),
	);
	const plainly = { ...options, steps, keySteps: "all", injectNoise: 0 };
	const draw = (stage: string, own: GenerateOptions) =>
		drawn(pipeline, own, (done, total) => onProgress({ stage, done, total }));
	const plain = await draw("plain", plainly);
	const fast = await draw("propagated", options);
	const share = fast.cost.networkSeconds / plain.cost.networkSeconds;
	const fewerSteps = Math.max(
		fewest,
		Math.min(steps, Math.round(steps * share)),
	);
	const fewer = await draw("fewer steps", { ...plainly, steps: fewerSteps });
	return [
		{ name: `plain, ${steps} steps`, result: plain },
		{
			name: `propagated, ${fast.cost.encoderRuns} of ${fast.cost.evaluations} with the encoder`,
			result: fast,
		},
		{ name: `plain, ${fewerSteps} steps`, result: fewer },
	];
}

/** Runs one key step and one decoder step. */
async function warmUp(
	pipeline: Pipeline,
	options: GenerateOptions,
): Promise<void> {
	let steps = 0;
	for await (const event of pipeline.stream(options))
		if (event.kind === "step" && ++steps > 1) break;
}

async function drawn(
	pipeline: Pipeline,
	options: GenerateOptions,
	onStep: (done: number, total: number) => void,
): Promise<GeneratedImage> {
	const { evaluations } = pipeline.settings(options);
	let done = 0;
	for await (const event of pipeline.stream(options)) {
		if (event.kind === "image") return event.result;
		if (event.kind === "step") onStep(++done, evaluations);
	}
	throw new TypeError("a run without an image");
}
