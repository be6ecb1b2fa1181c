import type { FastifyInstance } from "fastify";
import * as z from "zod";
import { OptionError } from "../../errors/optionError.js";
import { UserError } from "../../errors/userError.js";
import { IMAGE_FORMATS, type ImageFormat } from "../../image/encodedImage.js";
import { optionsFromParameters } from "../../pipeline/imageParameters.js";
import {
	optionNote,
	requestSchema,
	SERVED_OPTIONS,
} from "../../pipeline/optionForm.js";
import { runOutline } from "../../pipeline/runOutline.js";
import { HttpError } from "../httpError.js";
import type { FinishedImage, Job, JobEvent } from "../job.js";
import { checkSettings } from "../limits.js";
import { modelNote } from "../modelNote.js";
import { readForm } from "../readForm.js";
import { jobRequest, optionsOfJson, settingsIn } from "../requestOptions.js";
import { sendEvents } from "../sendEvents.js";
import type { Service } from "../server.js";
import { encodeFinished } from "./finished.js";

const objectBody = z.record(z.string(), z.unknown());

/** This program's own API: jobs, their events as they happen, and their images. */
export function addNativeApi(app: FastifyInstance, service: Service): void {
	const { queue, shelf, limits } = service;

	app.get("/api/options", async () => ({
		models: shelf.models.map(({ name, pipeline }) => {
			const { options } = modelNote(pipeline, name, () =>
				pipeline.settings({ prompt: "" }),
			);
			const { seed: _, prompt: _prompt, ...defaults } = options;
			return {
				name,
				hash: pipeline.hash,
				controlNets: pipeline.controlNets.length,
				defaults,
			};
		}),
		limits,
		options: SERVED_OPTIONS.map((name) => optionNote(name)),
		schema: requestSchema(),
	}));

	app.post("/api/settings", async (request) => {
		const { model, options } = await read(request.body);
		const { name, pipeline } = shelf.named(model);
		// a plan can be looked at before there is a prompt
		const given = { prompt: "", ...options };
		const settings = modelNote(pipeline, name, () => pipeline.settings(given));
		checkSettings(settings, limits);
		return { model: name, ...runOutline(pipeline, given, settings) };
	});

	app.post("/api/jobs", async (request, reply) => {
		const { model, options } = await read(request.body);
		const { owner } = request;
		const job = queue.submit(
			jobRequest(options, { owner, model }, shelf, limits),
		);
		return reply
			.code(202)
			.header("location", `/api/jobs/${job.id}`)
			.send(jobNote(job));
	});

	app.get("/api/jobs", async ({ owner }) => ({
		jobs: queue.list(owner).map(jobNote),
	}));

	const jobOf = (request: { owner: string; params: unknown }): Job => {
		const { id } = request.params as { id: string };
		const job = queue.find(id, request.owner);
		if (!job)
			throw new HttpError(
				404,
				"not_found",
				"there is no such job; finished ones are kept for a while only",
			);
		return job;
	};

	app.get("/api/jobs/:id", async (request) => jobNote(jobOf(request)));

	app.post("/api/jobs/:id/cancel", async (request) => {
		const job = jobOf(request);
		if (!job.cancel())
			throw new HttpError(409, "job_ended", `the job is ${job.state} already`);
		await job.ended();
		return jobNote(job);
	});

	app.get("/api/jobs/:id/events", async (request, reply) => {
		const job = jobOf(request);
		const last = Number(request.headers["last-event-id"] ?? 0);
		await sendEvents(reply, (signal) =>
			eventsOf(job, Number.isSafeInteger(last) ? last : 0, signal),
		);
	});

	app.get("/api/jobs/:id/images/:file", async (request, reply) => {
		const job = jobOf(request);
		const { file } = request.params as { file: string };
		const [, index, ending] = /^(\d{1,5})\.(png|jpe?g|webp)$/.exec(file) ?? [];
		const image = job.images.find((one) => one.index === Number(index));
		if (!image || ending === undefined)
			throw new HttpError(404, "not_found", "the job has no such image");
		const format: ImageFormat =
			ending === "png" || ending === "webp" ? ending : "jpeg";
		return reply
			.type(`image/${format}`)
			.header("cache-control", "private, max-age=600, immutable")
			.send(Buffer.from(await encodeFinished(image, format)));
	});

	app.post("/api/parameters", async (request) => {
		const parts = await readForm(request, limits);
		const { file } = parts.find(({ name }) => name === "image") ?? {};
		if (!file) throw new OptionError("image", "it is missing");
		const told = await settingsIn("image", file, (text) => ({
			text,
			...optionsFromParameters(text),
		}));
		if (!told)
			throw new UserError("the picture carries no settings", {
				code: "invalid_input",
			});
		return told;
	});

	/** A request's body: which model, and the options of the table. */
	async function read(body: unknown) {
		const json = objectBody.safeParse(body);
		if (!json.success)
			throw new HttpError(400, "bad_request", "the body is no JSON object");
		const { model, ...rest } = json.data;
		if (model !== undefined && typeof model !== "string")
			throw new OptionError("model", "it is no text");
		return { model, options: await optionsOfJson(rest, limits) };
	}
}

/** A job as clients see it. */
function jobNote(job: Job) {
	const { id, state, position, error, lastStep, request } = job;
	const { createdAt, startedAt, endedAt } = job;
	const url = `/api/jobs/${id}`;
	return {
		id,
		state,
		model: request.model,
		position: state === "queued" ? position : undefined,
		step: state === "running" ? lastStep?.step : undefined,
		steps: request.evaluations,
		createdAt: new Date(createdAt).toISOString(),
		startedAt: startedAt && new Date(startedAt).toISOString(),
		endedAt: endedAt && new Date(endedAt).toISOString(),
		images: job.images.map((image) => imageNote(job, image)),
		error: error && {
			code: error.code,
			message: error.message,
			option: error.option,
		},
		links: { self: url, events: `${url}/events`, cancel: `${url}/cancel` },
	};
}

function imageNote({ id }: Job, image: FinishedImage) {
	const { index, seed, json, parameters } = image;
	return {
		index,
		seed,
		width: image.image.width,
		height: image.image.height,
		urls: Object.fromEntries(
			IMAGE_FORMATS.map((format) => [
				format,
				`/api/jobs/${id}/images/${index}.${format}`,
			]),
		),
		parameters,
		options: json.options,
		cost: json.cost,
		model: json.model,
	};
}

async function* eventsOf(job: Job, after: number, signal: AbortSignal) {
	for await (const { number, event } of job.follow(after, signal))
		yield { id: number, event: event.type, data: eventNote(job, event) };
}

function eventNote(job: Job, event: JobEvent): unknown {
	if (event.type === "image") return imageNote(job, event.result);
	const { type: _, ...data } = event;
	if (event.type === "failed") {
		const { code, message, option } = event.error;
		return { error: { code, message, option } };
	}
	if (event.type === "step")
		return {
			...data,
			preview:
				event.preview &&
				`data:image/jpeg;base64,${Buffer.from(event.preview).toString("base64")}`,
		};
	return data;
}
