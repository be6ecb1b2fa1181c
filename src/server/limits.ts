import { OptionError } from "../errors/optionError.js";
import type { GenerateOptions } from "../pipeline/options.js";
import type { RunSettings } from "../pipeline/runSettings.js";
import { checkAtMost, checkPixelCount } from "../pipeline/sizeLimits.js";

/** What one request, and all of them together, may take. */
export interface ServerLimits {
	/** Jobs that wait or run at the same time; more are answered with 429. */
	readonly queue: number;
	/** Connections at the same time; more are closed at once. */
	readonly connections: number;
	/** Pixels of one image, hires counted in. */
	readonly pixels: number;
	readonly steps: number;
	/** Images of one job. */
	readonly images: number;
	/** Characters of a prompt. */
	readonly prompt: number;
	/** Bytes of a request's body. */
	readonly body: number;
	/** Pixels of a picture that a client sends, once decoded. */
	readonly picturePixels: number;
	/** Seconds that a job may run. */
	readonly seconds: number;
	/** Seconds that a finished job is kept. */
	readonly keepSeconds: number;
	/** Bytes of all finished images that are kept; the oldest go first. */
	readonly keptBytes: number;
}

export const DEFAULT_LIMITS: ServerLimits = {
	queue: 64,
	connections: 1000,
	pixels: 1024 * 1024,
	steps: 150,
	images: 10,
	prompt: 10_000,
	body: 32 * 2 ** 20,
	picturePixels: 4096 * 4096,
	seconds: 3600,
	keepSeconds: 600,
	keptBytes: 512 * 2 ** 20,
};

/** The most decoder steps of one batch, whatever the server is told; the default is 8 where batches gain anything. */
const DECODE_BATCH = 10;

/** What is checked before anything is computed. @throws OptionError */
export function checkRequest(
	options: Partial<GenerateOptions>,
	limits: ServerLimits,
): void {
	for (const name of ["prompt", "negativePrompt"] as const) {
		const text: unknown = options[name];
		if (typeof text === "string" && text.length > limits.prompt)
			throw new OptionError(
				name,
				`${text.length} characters are too many; this server takes ${limits.prompt}`,
			);
	}
	atMost("steps", options.steps, limits.steps);
	atMost("numImages", options.numImages, limits.images);
	atMost("batchSize", options.batchSize, limits.images);
	// each of them holds the features of a whole step
	atMost("maxDecodeBatch", options.maxDecodeBatch, DECODE_BATCH);
	atMost("width", options.width, limits.pixels / 8);
	atMost("height", options.height, limits.pixels / 8);
}

/** What can be checked once every default is filled in. @throws OptionError */
export function checkSettings(
	{ options }: Pick<RunSettings, "options">,
	limits: ServerLimits,
): void {
	atMost("steps", options.steps, limits.steps);
	atMost("numImages", options.numImages, limits.images);
	atMost("batchSize", options.batchSize, limits.images);
	checkPixelCount(options, limits.pixels, "that this server draws");
}

const atMost = (option: string, value: unknown, most: number): void =>
	checkAtMost(option, value, most, "the most that this server takes");
