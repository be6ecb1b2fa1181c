import { promisify } from "node:util";
import { deflateRaw, inflateRaw } from "node:zlib";
import * as z from "zod";
import { OptionError } from "../../errors/optionError.js";
import { isPixelImage, type PixelImage } from "../../image/pixelImage.js";
import { SERVED_OPTIONS } from "../../pipeline/optionForm.js";
import type { GenerateOptions } from "../../pipeline/options.js";
import type { JobRequest } from "../job.js";

/** Changes with what the messages mean: servers and workers of unlike programs do not meet. */
export const PROTOCOL = 1;

/** The most bytes that the pictures of a job may have in the queue, once packed. */
const MOST_PICTURE_BYTES = 48 * 2 ** 20;
const MOST_PIXELS = 2 ** 26;

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);

/** A picture in a message: its pixels, packed without loss. */
const packedPicture = z.strictObject({
	width: z
		.int()
		.min(1)
		.max(2 ** 16),
	height: z
		.int()
		.min(1)
		.max(2 ** 16),
	channels: z.union([z.literal(3), z.literal(4)]),
	pixels: z.base64(),
});

/** A job as it stands in the queue. */
export const jobMessage = z.object({
	owner: z.string(),
	model: z.string(),
	options: z.record(z.string(), z.unknown()),
	pictures: z.record(z.string(), packedPicture),
	evaluations: z.int().min(0),
	previewEvery: z.int().min(0),
	createdAt: z.number(),
	/** Seconds that it may run, and that it is kept once it has ended. */
	seconds: z.number().positive(),
	keepSeconds: z.number().positive(),
});
export type JobMessage = z.infer<typeof jobMessage>;

/**
 * The message of a request.
 * @throws OptionError when its pictures are too large to travel
 */
export async function packRequest(
	request: JobRequest,
	more: Pick<JobMessage, "createdAt" | "seconds" | "keepSeconds">,
): Promise<JobMessage> {
	const { owner, model, evaluations, previewEvery } = request;
	const options: Record<string, unknown> = {};
	const pictures: JobMessage["pictures"] = {};
	let bytes = 0;
	for (const [name, value] of Object.entries(request.options)) {
		if (!isPixelImage(value)) {
			options[name] = value;
			continue;
		}
		const { width, height, data } = value;
		const packed = await deflate(data, { level: 1 });
		bytes += packed.length;
		if (bytes > MOST_PICTURE_BYTES)
			throw new OptionError(
				name,
				"the pictures of this job are too large for the queue; send smaller ones",
			);
		pictures[name] = {
			width,
			height,
			channels: data.length === 3 * width * height ? 3 : 4,
			pixels: packed.toString("base64"),
		};
	}
	return {
		owner,
		model,
		options,
		pictures,
		evaluations,
		previewEvery,
		...more,
	};
}

/**
 * The request of a message. Its options are checked when it is drawn.
 * @throws OptionError when it has options or pictures that no client can have sent
 */
export async function unpackRequest(message: JobMessage): Promise<JobRequest> {
	const { owner, model, evaluations, previewEvery } = message;
	const options: Record<string, unknown> = { ...message.options };
	for (const [name, picture] of Object.entries(message.pictures))
		options[name] = await unpackPicture(name, picture);
	for (const name of Object.keys(options))
		if (!SERVED_OPTIONS.includes(name))
			throw new OptionError(name, "it cannot be given over a queue");
	return {
		owner,
		model,
		options: options as unknown as GenerateOptions,
		evaluations,
		previewEvery,
	};
}

async function unpackPicture(
	name: string,
	{ width, height, channels, pixels }: z.infer<typeof packedPicture>,
): Promise<PixelImage> {
	const length = width * height * channels;
	const data =
		width * height <= MOST_PIXELS
			? await inflate(Buffer.from(pixels, "base64"), {
					maxOutputLength: length,
				}).catch(() => undefined)
			: undefined;
	if (data?.length !== length)
		throw new OptionError(name, "the picture in the queue is damaged");
	return { width, height, data: new Uint8Array(data) };
}

const seedSchema = z.union([z.int(), z.string().regex(/^-?\d{1,20}$/)]);
const toldErrorSchema = z.object({
	status: z.int().min(400).max(599),
	code: z.string(),
	message: z.string(),
	option: z.string().optional(),
	internal: z.literal(true).optional(),
});

/** What is told of a job, in the order of the list. Pictures are beside it. */
export const eventMessage = z.discriminatedUnion("type", [
	z.object({ type: z.literal("started") }),
	z.object({
		type: z.literal("loading"),
		network: z.string(),
		seconds: z.number().optional(),
	}),
	z.object({
		type: z.literal("warning"),
		code: z.string(),
		message: z.string(),
	}),
	z.object({
		type: z.literal("step"),
		image: z.int().min(0),
		step: z.int().min(1),
		steps: z.int().min(0),
		state: z.string(),
		seconds: z.number(),
		/** Whether what it predicts is beside the list. */
		preview: z.boolean(),
	}),
	z.object({
		type: z.literal("image"),
		index: z.int().min(0),
		seed: seedSchema,
		width: z.int().min(1),
		height: z.int().min(1),
		parameters: z.string(),
		// what a server hands on to clients as it is
		json: z.looseObject({ options: z.looseObject({}) }),
	}),
	z.object({ type: z.literal("done") }),
	z.object({ type: z.literal("cancelled") }),
	z.object({ type: z.literal("failed"), error: toldErrorSchema }),
]);
export type EventMessage = z.infer<typeof eventMessage>;

/** Whether nothing comes after it. */
export const isLast = ({ type }: EventMessage): boolean =>
	type === "done" || type === "failed" || type === "cancelled";
