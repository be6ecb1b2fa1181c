import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import * as z from "zod";
import { OptionError } from "../../errors/optionError.js";
import { shown } from "../../errors/shown.js";
import { IMAGE_FORMATS } from "../../image/encodedImage.js";
import { encodeImage } from "../../image/nodeEncodeImage.js";
import { decodeImage } from "../../image/nodeImageFile.js";
import type { PixelImage } from "../../image/pixelImage.js";
import { SERVED_OPTIONS } from "../../pipeline/optionForm.js";
import {
	GENERATION_OPTIONS,
	type OptionEntry,
} from "../../pipeline/options.js";
import { HttpError, type ToldError } from "../httpError.js";
import type { FinishedImage, Job } from "../job.js";
import { readForm } from "../readForm.js";
import { decodePicture, jobRequest, optionsOfJson } from "../requestOptions.js";
import { type SentEvent, sendEvents } from "../sendEvents.js";
import type { ErrorWording, Service } from "../server.js";
import { encodeFinished, throwIfFailed } from "./finished.js";

/** OpenAI's fields; what only its own models know (quality, style, moderation …) is taken and changes nothing. */
export const openAiFields = z.object({
	model: z.string().optional(),
	n: z.int().min(1).max(10).default(1),
	size: z.string().default("auto"),
	response_format: z.enum(["b64_json", "url"]).default("b64_json"),
	output_format: z.enum(IMAGE_FORMATS).default("png"),
	output_compression: z.number().min(0).max(100).default(100),
	stream: z.boolean().default(false),
	partial_images: z.int().min(0).max(3).default(0),
	background: z.enum(["auto", "opaque"]).default("auto"),
	quality: z.string().default("auto"),
	style: z.string().optional(),
	moderation: z.string().optional(),
	user: z.string().optional(),
	input_fidelity: z.string().optional(),
});
type Fields = z.output<typeof openAiFields>;

const snake = (name: string) =>
	name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Our options by their names beside OpenAI's: `negative_prompt`, `key_steps` … */
export const OUR_FIELDS: ReadonlyMap<string, string> = new Map(
	SERVED_OPTIONS.filter((name) => name !== "numImages").map((name) => [
		snake(name),
		name,
	]),
);

/** How OpenAI calls what ours call otherwise. */
const PARAMS: Readonly<Record<string, string>> = {
	numImages: "n",
	initImage: "image",
};

/** Errors as OpenAI words them. */
export const openAiErrors: ErrorWording = {
	prefix: "/v1/",
	body: ({ status, code, message, option }: ToldError) => {
		const param =
			option === undefined ? null : (PARAMS[option] ?? snake(option));
		return {
			error: {
				message:
					option === undefined
						? message
						: message.replace(`${option}: `, `${param}: `),
				type:
					status === 401
						? "authentication_error"
						: status === 429
							? "rate_limit_error"
							: status >= 500
								? "server_error"
								: "invalid_request_error",
				param,
				code: option === "model" ? "model_not_found" : code,
			},
		};
	},
};

/** OpenAI's images API, with our options beside theirs. */
export function addOpenAiApi(app: FastifyInstance, service: Service): void {
	const { queue, shelf, limits } = service;
	const created = Math.floor(Date.now() / 1000);
	const modelNote = (id: string) => ({
		id,
		object: "model",
		created,
		owned_by: "faster-diffusion",
	});

	app.get("/v1/models", async () => ({
		object: "list",
		data: shelf.models.map(({ name }) => modelNote(name)),
	}));
	app.get("/v1/models/:name", async (request) =>
		modelNote(shelf.named((request.params as { name: string }).name).name),
	);

	app.post("/v1/images/generations", async (request, reply) => {
		const body = z.record(z.string(), z.unknown()).safeParse(request.body);
		if (!body.success)
			throw new HttpError(400, "bad_request", "the body is no JSON object");
		return answer(body.data, {}, "image_generation", request, reply);
	});

	app.post("/v1/images/edits", async (request, reply) => {
		const words: Record<string, unknown> = {};
		const pictures: { initImage?: PixelImage; mask?: PixelImage } = {};
		for (const { name, file, value } of await readForm(request, limits)) {
			if (!file) words[name] = valueOfWord(name, value);
			else if (name === "image") {
				if (pictures.initImage)
					throw new OptionError("initImage", "only one picture is taken");
				pictures.initImage = await decodePicture("initImage", file, limits);
			} else if (name === "mask")
				pictures.mask = maskOf(await decodePicture("mask", file, limits));
			else throw new OptionError(name, "there is no such file");
		}
		if (!pictures.initImage)
			throw new OptionError("initImage", "it is missing");
		return answer(words, pictures, "image_edit", request, reply);
	});

	async function answer(
		body: Readonly<Record<string, unknown>>,
		pictures: object,
		kind: "image_generation" | "image_edit",
		request: FastifyRequest,
		reply: FastifyReply,
	) {
		const { fields, ours } = split(body);
		const options = {
			...(await optionsOfJson(
				{ ...sizeOf(fields.size), ...ours, numImages: fields.n },
				limits,
			)),
			...pictures,
		};
		const { model, partial_images: partials, stream } = fields;
		const asked = jobRequest(
			options,
			{ owner: request.owner, model },
			shelf,
			limits,
		);
		const job = queue.submit({
			...asked,
			previewEvery:
				stream && partials > 0
					? Math.ceil(asked.evaluations / (partials + 1))
					: 0,
		});
		// by which it is cancelled
		reply.header("x-job-id", job.id);
		if (stream) {
			await sendEvents(reply, (signal) => streamed(job, fields, kind, signal));
			return reply;
		}
		await job.ended();
		// its clients would ask for a cancelled or failed job again, twice
		if (job.state !== "done") reply.header("x-should-retry", "false");
		throwIfFailed(job);
		return {
			created: Math.floor(Date.now() / 1000),
			background: "opaque",
			output_format: fields.output_format,
			size: sizeWord(job.images[0]),
			data: await Promise.all(
				job.images.map(async (image) => ({
					...(fields.response_format === "url"
						? {
								url: `${request.protocol}://${request.host}/api/jobs/${job.id}/images/${image.index}.${fields.output_format}`,
							}
						: { b64_json: await base64(image, fields) }),
					seed: image.seed,
				})),
			),
		};
	}
}

/** OpenAI's fields and ours. @throws OptionError for a field that is neither, or has a wrong value */
function split(body: Readonly<Record<string, unknown>>) {
	const theirs: Record<string, unknown> = {};
	const ours: Record<string, unknown> = {};
	for (const [name, value] of Object.entries(body)) {
		if (value === null || value === undefined) continue;
		// "background" is a field of both: a colour is ours
		const both = name === "background" && String(value).startsWith("#");
		if (Object.hasOwn(openAiFields.shape, name) && !both) theirs[name] = value;
		else if (OUR_FIELDS.has(name)) ours[OUR_FIELDS.get(name) ?? name] = value;
		else throw new OptionError(name.slice(0, 60), "there is no such field");
	}
	const fields = openAiFields.safeParse(theirs);
	if (!fields.success) {
		const [{ path, message }] = fields.error.issues;
		const name = String(path[0]);
		throw new OptionError(
			name,
			`${shown(theirs[name])} cannot be used: ${message}`,
		);
	}
	return { fields: fields.data, ours };
}

function sizeOf(size: string) {
	if (size === "auto") return {};
	const [, width, height] = /^(\d{1,5})x(\d{1,5})$/.exec(size) ?? [];
	if (!height)
		throw new OptionError(
			"size",
			`${shown(size)} is neither "auto" nor a size such as "512x512"`,
		);
	return { width: Number(width), height: Number(height) };
}

/** The value that a form's text says. @throws OptionError when it says none */
function valueOfWord(name: string, word: unknown): unknown {
	if (typeof word !== "string") throw new OptionError(name, "it is no text");
	if (/^(n|partial_images|output_compression)$/.test(name)) return Number(word);
	if (name === "stream") return word === "true";
	const option = OUR_FIELDS.get(name);
	const entry: OptionEntry | undefined =
		option === undefined
			? undefined
			: (GENERATION_OPTIONS as Readonly<Record<string, OptionEntry>>)[option];
	if (option === undefined || !entry?.parse || name === "background")
		return word;
	const value = entry.parse(word);
	if (value === undefined)
		throw new OptionError(option, `${shown(word)} is not ${entry.expected}`);
	return value;
}

/** OpenAI's masks are transparent where the picture is drawn anew; one without transparency is white there. */
function maskOf(mask: PixelImage): PixelImage {
	const { width, height, data } = mask;
	if (data.length === 3 * width * height) return mask;
	return {
		width,
		height,
		data: Uint8Array.from(
			{ length: 3 * width * height },
			(_, i) => 255 - data[4 * Math.floor(i / 3) + 3],
		),
	};
}

const sizeWord = (finished?: FinishedImage) =>
	finished && `${finished.image.width}x${finished.image.height}`;

const qualityOf = ({ output_compression: quality }: Fields) =>
	Math.max(1, Math.round(quality));

async function base64(image: FinishedImage, fields: Fields): Promise<string> {
	const bytes = await encodeFinished(
		image,
		fields.output_format,
		qualityOf(fields),
	);
	return Buffer.from(bytes).toString("base64");
}

async function* streamed(
	job: Job,
	fields: Fields,
	kind: string,
	signal: AbortSignal,
): AsyncGenerator<SentEvent> {
	const common = () => ({
		created_at: Math.floor(Date.now() / 1000),
		background: "opaque",
		output_format: fields.output_format,
		quality: fields.quality,
	});
	const sent = (end: string, data: object): SentEvent => {
		const type = `${kind}.${end}`;
		return { event: type, data: { type, ...common(), ...data } };
	};
	const partials = new Map<number, number>();
	for await (const { event } of job.follow(0, signal))
		switch (event.type) {
			case "step": {
				const index = partials.get(event.image) ?? 0;
				if (!event.preview || index >= fields.partial_images) break;
				partials.set(event.image, index + 1);
				const picture = await decodeImage(event.preview, "the preview");
				const bytes = await encodeImage(picture, fields.output_format, {
					quality: qualityOf(fields),
				});
				yield sent("partial_image", {
					b64_json: Buffer.from(bytes).toString("base64"),
					partial_image_index: index,
					size: `${picture.width}x${picture.height}`,
				});
				break;
			}
			case "image":
				yield sent("completed", {
					b64_json: await base64(event.result, fields),
					size: sizeWord(event.result),
					seed: event.result.seed,
				});
				break;
			case "failed":
				yield { event: "error", data: openAiErrors.body(event.error) };
				break;
			case "cancelled":
				yield {
					event: "error",
					data: openAiErrors.body({
						status: 409,
						code: "cancelled",
						message: "the job was cancelled",
					}),
				};
		}
}
