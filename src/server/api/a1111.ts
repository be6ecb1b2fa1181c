import type { FastifyInstance, FastifyRequest } from "fastify";
import * as z from "zod";
import { parseInfotext } from "../../image/infotext.js";
import {
	samplerByName,
	samplerLabels,
} from "../../samplers/config/samplerNames.js";
import { SAMPLER_NAMES } from "../../samplers/sampler.js";
import { HttpError } from "../httpError.js";
import type { Job } from "../job.js";
import { bytesOfBase64, jobRequest, settingsIn } from "../requestOptions.js";
import type { Service } from "../server.js";
import {
	type A1111Settings,
	a1111Request,
	a1111Settings,
} from "./a1111Request.js";
import { encodeFinished, throwIfFailed } from "./finished.js";

/** Steps between the previews that `/progress` shows. */
const PREVIEW_EVERY = 5;

const progressQuery = z.looseObject({
	skip_current_image: z.stringbool().catch(false),
});
const body = z.record(z.string(), z.unknown());

/** A1111's API: so much of it that its clients draw, see how far it is, and stop. */
export function addA1111Api(app: FastifyInstance, service: Service): void {
	const { queue, shelf, limits } = service;
	const chosenBy = new Map<string, A1111Settings>();
	const modelTitle = (name: string) => {
		const { pipeline } = shelf.named(name);
		return `${name} [${pipeline.hash}]`;
	};
	/** A1111 calls models by their title, by their name, or by their hash. */
	const modelNamed = (written?: string) =>
		written === undefined
			? undefined
			: (shelf.models.find(({ name, pipeline }) =>
					[name, modelTitle(name), pipeline.hash].includes(written),
				)?.name ?? shelf.named(written).name);

	app.post("/sdapi/v1/txt2img", (request) => draw(request, false));
	app.post("/sdapi/v1/img2img", (request) => draw(request, true));

	async function draw(request: FastifyRequest, fromPicture: boolean) {
		const fields = jsonOf(request.body);
		const { owner } = request;
		const chosen = chosenBy.get(owner) ?? {};
		const { checkpoint, options } = await a1111Request(fields, {
			fromPicture,
			chosen,
			limits,
		});
		const model = modelNamed(checkpoint);
		const asked = jobRequest(
			options,
			{ owner, model, previewEvery: PREVIEW_EVERY },
			shelf,
			limits,
		);
		const job = queue.submit(asked);
		await job.ended();
		// as in A1111, what is interrupted answers with what there is
		if (job.state !== "cancelled") throwIfFailed(job);
		return {
			images:
				fields.send_images === false
					? []
					: await Promise.all(
							job.images.map(async (image) =>
								Buffer.from(await encodeFinished(image, "png")).toString(
									"base64",
								),
							),
						),
			// pictures are not sent back
			parameters: { ...fields, init_images: null, mask: null },
			info: JSON.stringify(infoOf(job)),
		};
	}

	app.get("/sdapi/v1/progress", async ({ owner, query }) => {
		const job = running(owner);
		const { lastStep, lastPreview, request, startedAt = 0 } = job ?? {};
		const evaluations = request?.evaluations ?? 0;
		const images = request?.options.numImages ?? 1;
		const done = lastStep ? lastStep.image + lastStep.step / evaluations : 0;
		const progress = Math.min(done / images, 1);
		const seconds = (Date.now() - startedAt) / 1000;
		return {
			progress,
			eta_relative: progress > 0 ? (seconds / progress) * (1 - progress) : 0,
			state: {
				skipped: false,
				interrupted: false,
				stopping_generation: false,
				job: job?.id ?? "",
				job_count: job ? images : 0,
				job_timestamp: timestamp(job?.createdAt),
				job_no: lastStep?.image ?? 0,
				sampling_step: lastStep?.step ?? 0,
				sampling_steps: evaluations,
			},
			current_image:
				lastPreview && !progressQuery.parse(query).skip_current_image
					? Buffer.from(lastPreview).toString("base64")
					: null,
			textinfo: null,
		};
	});

	/** Of several the one that came first. */
	const running = (owner: string) =>
		queue.list(owner).findLast(({ state }) => state === "running");

	app.post("/sdapi/v1/interrupt", async ({ owner }) => {
		running(owner)?.cancel();
		return {};
	});

	app.post("/sdapi/v1/png-info", async (request) => {
		const { image } = jsonOf(request.body);
		const told = await settingsIn(
			"image",
			bytesOfBase64("image", image),
			(info) => ({
				info,
				items: { parameters: info },
				parameters: Object.fromEntries(parseInfotext(info).settings),
			}),
		);
		return told ?? { info: "", items: {}, parameters: {} };
	});

	app.get("/sdapi/v1/samplers", async () =>
		SAMPLER_NAMES.map((name) => ({
			name: samplerLabels(name).sampler,
			aliases: [name],
			options: {},
		})),
	);
	app.get("/sdapi/v1/schedulers", async () =>
		SCHEDULERS.map(([name, label]) => ({
			name,
			label,
			aliases: null,
			default_rho: -1,
			need_inner_model: false,
		})),
	);
	app.get("/sdapi/v1/sd-models", async () =>
		shelf.models.map(({ name, pipeline }) => ({
			title: modelTitle(name),
			model_name: name,
			hash: pipeline.hash,
			sha256: null,
			// a path is nobody's business
			filename: name,
			config: null,
		})),
	);
	app.get("/sdapi/v1/options", async ({ owner }) => {
		const { checkpoint, clipSkip = 0 } = chosenBy.get(owner) ?? {};
		const model = shelf.named(modelNamed(checkpoint));
		return {
			sd_model_checkpoint: modelTitle(model.name),
			CLIP_stop_at_last_layers: clipSkip + 1,
			samples_format: "png",
		};
	});
	app.post("/sdapi/v1/options", async (request) => {
		const { owner } = request;
		const { checkpoint, clipSkip } = a1111Settings(jsonOf(request.body));
		// a model that is not here is said now
		modelNamed(checkpoint);
		chosenBy.set(owner, {
			...chosenBy.get(owner),
			...(clipSkip !== undefined && { clipSkip }),
			...(checkpoint !== undefined && { checkpoint }),
		});
		return null;
	});
}

/** A1111's names and labels of how noise levels are spread. */
const SCHEDULERS = [
	["automatic", "Automatic"],
	["karras", "Karras"],
	["exponential", "Exponential"],
	["sgm_uniform", "SGM Uniform"],
	["align_your_steps", "Align Your Steps"],
] as const;

function jsonOf(value: unknown): Record<string, unknown> {
	const json = body.safeParse(value);
	if (!json.success)
		throw new HttpError(400, "bad_request", "the body is no JSON object");
	return json.data;
}

/** YYYYMMDDhhmmss, as A1111 writes it. */
const timestamp = (time?: number) =>
	time === undefined
		? "0"
		: new Date(time).toISOString().replace(/\D/g, "").slice(0, 14);

/** What A1111 tells of images, as the object that it sends as text. */
function infoOf({ images, request: { options }, createdAt }: Job) {
	const [first] = images;
	const settled = first?.json.options;
	const each = <T>(value: (image: (typeof images)[number]) => T) =>
		images.map(value);
	return {
		prompt: options.prompt,
		all_prompts: each(() => options.prompt),
		negative_prompt: options.negativePrompt ?? "",
		all_negative_prompts: each(() => options.negativePrompt ?? ""),
		seed: first?.seed ?? -1,
		all_seeds: each(({ seed }) => seed),
		subseed: -1,
		all_subseeds: each(() => -1),
		subseed_strength: 0,
		width: settled?.width,
		height: settled?.height,
		sampler_name:
			settled &&
			samplerLabels(samplerByName(settled.sampler).name, settled.schedule)
				.sampler,
		cfg_scale: settled?.guidanceScale,
		steps: settled?.steps,
		batch_size: 1,
		restore_faces: false,
		face_restoration_model: null,
		sd_model_name: first?.json.model.label,
		sd_model_hash: first?.json.model.hash,
		denoising_strength: settled?.strength ?? null,
		extra_generation_params: {},
		index_of_first_image: 0,
		infotexts: each(({ parameters }) => parameters),
		styles: [],
		job_timestamp: timestamp(createdAt),
		clip_skip: (settled?.clipSkip ?? 0) + 1,
		is_using_inpainting_conditioning: false,
	};
}
