import type { FastifyInstance, FastifyRequest } from "fastify";
import * as z from "zod";
import { OptionError } from "../../errors/optionError.js";
import { shown } from "../../errors/shown.js";
import { parseInfotext } from "../../image/infotext.js";
import type { PixelImage } from "../../image/pixelImage.js";
import { problemOf } from "../../pipeline/optionKinds.js";
import {
	GENERATION_OPTIONS,
	type GenerateOptions,
	type OptionEntry,
} from "../../pipeline/options.js";
import {
	samplerByName,
	samplerLabels,
} from "../../samplers/config/samplerNames.js";
import { SAMPLER_NAMES } from "../../samplers/sampler.js";
import { HttpError } from "../httpError.js";
import type { Job } from "../job.js";
import {
	bytesOfBase64,
	jobRequest,
	optionsOfJson,
	settingsIn,
} from "../requestOptions.js";
import type { ErrorWording, Service } from "../server.js";
import { encodeFinished, throwIfFailed } from "./finished.js";

/** Steps between the previews that `/progress` shows. */
const PREVIEW_EVERY = 5;

/** A1111's fields that are one of our options under another name, with the value that they stand for. */
export const A1111_FIELDS: Readonly<
	Record<string, readonly [option: string, read?: (value: never) => unknown]>
> = {
	prompt: ["prompt"],
	negative_prompt: ["negativePrompt"],
	steps: ["steps"],
	cfg_scale: ["guidanceScale"],
	width: ["width"],
	height: ["height"],
	eta: ["eta"],
	key_steps: ["keySteps"],
	// a seed below 0 is a random one
	seed: ["seed", (seed: number) => (seed < 0 ? undefined : seed)],
};

/** As A1111_FIELDS, where there is a picture to begin with. */
export const A1111_PICTURE_FIELDS: typeof A1111_FIELDS = {
	denoising_strength: ["strength"],
	resize_mode: [
		"resizeMode",
		(mode: number) => ["stretch", "crop", "fit"][mode] ?? "latent",
	],
};

/** As A1111_FIELDS, where there is a mask. */
const MASK_FIELDS: typeof A1111_FIELDS = {
	mask_blur: ["maskBlur"],
	inpainting_fill: [
		"maskedContent",
		(fill: number) => ["fill", "original", "noise"][fill] ?? "nothing",
	],
	inpaint_full_res: ["onlyMasked", Boolean],
	inpaint_full_res_padding: ["maskPadding"],
};

/** What would change the picture and cannot be had here: refused rather than passed over. */
const UNSUPPORTED: Readonly<Record<string, (value: unknown) => boolean>> = {
	script_name: Boolean,
	restore_faces: Boolean,
	tiling: Boolean,
	subseed_strength: (value) => Number(value) > 0,
	alwayson_scripts: (value) => Object.keys(Object(value)).length > 0,
	styles: (value) => Array.isArray(value) && value.length > 0,
	refiner_checkpoint: Boolean,
};

/** What clients send where they leave a field alone. */
const isLeftAlone = (value: unknown) =>
	value === undefined || value === null || value === "";

/** How A1111 calls our options, for errors. */
const NAMES = new Map(
	Object.entries({
		...A1111_FIELDS,
		...A1111_PICTURE_FIELDS,
		...MASK_FIELDS,
	}).map(([field, [option]]) => [option, field]),
);
NAMES.set("sampler", "sampler_name");
NAMES.set("initImage", "init_images");
NAMES.set("hires", "hr_scale");
NAMES.set("numImages", "n_iter");
NAMES.set("model", "sd_model_checkpoint");

/** Errors as A1111 words them. */
export const a1111Errors: ErrorWording = {
	prefix: "/sdapi/",
	body({ code, message, option }) {
		const field = option === undefined ? undefined : NAMES.get(option);
		const words =
			field === undefined
				? message
				: message.replace(`${option}: `, `${field}: `);
		return { error: code, detail: words, body: "", errors: words };
	},
};

const body = z.record(z.string(), z.unknown());
const overridesSchema = z.looseObject({
	CLIP_stop_at_last_layers: z.int().min(1).max(100).optional(),
	sd_model_checkpoint: z.string().max(1000).nullish(),
	key_steps: z.string().optional(),
});

/** What an owner has set by /sdapi/v1/options. */
interface Chosen {
	readonly model?: string;
	readonly clipSkip?: number;
}

/** A1111's API: so much of it that its clients draw, see how far it is, and stop. */
export function addA1111Api(app: FastifyInstance, service: Service): void {
	const { queue, shelf, limits } = service;
	const chosenBy = new Map<string, Chosen>();
	const modelTitle = (name: string) => {
		const { pipeline } = shelf.named(name);
		return `${name} [${pipeline.hash}]`;
	};
	/** A1111 calls models by their title, by their name, or by their hash. */
	const modelNamed = (written: string) =>
		shelf.models.find(({ name, pipeline }) =>
			[name, modelTitle(name), pipeline.hash].includes(written),
		)?.name ?? shelf.named(written).name;

	app.post("/sdapi/v1/txt2img", (request) => draw(request, false));
	app.post("/sdapi/v1/img2img", (request) => draw(request, true));

	async function draw(request: FastifyRequest, fromPicture: boolean) {
		const fields = jsonOf(request.body);
		const { model, options } = await read(fields, request.owner, fromPicture);
		const asked = jobRequest(
			options,
			{ owner: request.owner, model, previewEvery: PREVIEW_EVERY },
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

	async function read(
		fields: Readonly<Record<string, unknown>>,
		owner: string,
		fromPicture: boolean,
	) {
		for (const [name, isAsked] of Object.entries(UNSUPPORTED))
			if (isAsked(fields[name]))
				throw new OptionError(name, "this server does not have it");
		const overrides = overridesSchema.safeParse(fields.override_settings ?? {});
		if (!overrides.success)
			throw new OptionError(
				"override_settings",
				overrides.error.issues[0].message,
			);
		const {
			CLIP_stop_at_last_layers: lastLayers,
			sd_model_checkpoint: checkpoint,
			key_steps: keySteps,
		} = overrides.data;
		const chosen = chosenBy.get(owner) ?? {};
		const given: Record<string, unknown> = {
			// as A1111 understands prompts
			promptWeighting: true,
			longPrompts: true,
			clipSkip: lastLayers === undefined ? chosen.clipSkip : lastLayers - 1,
			sampler: samplerOf(fields),
			numImages: count(fields, "n_iter") * count(fields, "batch_size"),
			keySteps,
		};
		take(given, A1111_FIELDS, fields);
		// clients send it whatever the sampler is
		if (!takesEta(given.sampler)) delete given.eta;
		if (fromPicture) {
			const pictures = fields.init_images;
			if (!Array.isArray(pictures) || pictures.length !== 1)
				throw new OptionError("initImage", "it is no list of one picture");
			given.initImage = pictures[0];
			take(given, A1111_PICTURE_FIELDS, fields);
			if (!isLeftAlone(fields.mask)) {
				given.mask = fields.mask;
				take(given, MASK_FIELDS, fields);
			}
		} else if (fields.enable_hr === true) {
			given.hires = fields.hr_scale ?? 2;
			given.hiresStrength = fields.denoising_strength ?? undefined;
			given.hiresUpscaler = /^latent/i.test(String(fields.hr_upscaler))
				? "latent"
				: "lanczos";
		}
		const options: Partial<GenerateOptions> = await optionsOfJson(
			given,
			limits,
		);
		return {
			model: isLeftAlone(checkpoint)
				? chosen.model
				: modelNamed(String(checkpoint)),
			options:
				fields.inpainting_mask_invert && options.mask
					? { ...options, mask: inverted(options.mask) }
					: options,
		};
	}

	app.get("/sdapi/v1/progress", async ({ owner }) => {
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
			current_image: lastPreview
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
		const { model, clipSkip = 0 } = chosenBy.get(owner) ?? {};
		return {
			sd_model_checkpoint: modelTitle(shelf.named(model).name),
			CLIP_stop_at_last_layers: clipSkip + 1,
			samples_format: "png",
		};
	});
	app.post("/sdapi/v1/options", async (request) => {
		const { owner } = request;
		const overrides = overridesSchema.safeParse(jsonOf(request.body));
		if (!overrides.success)
			throw new OptionError(
				String(overrides.error.issues[0].path[0]),
				overrides.error.issues[0].message,
			);
		const {
			CLIP_stop_at_last_layers: lastLayers,
			sd_model_checkpoint: checkpoint,
		} = overrides.data;
		chosenBy.set(owner, {
			...chosenBy.get(owner),
			...(lastLayers !== undefined && { clipSkip: lastLayers - 1 }),
			...(!isLeftAlone(checkpoint) && {
				model: modelNamed(String(checkpoint)),
			}),
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

/** Adds what the fields say to the options. @throws OptionError for values that are none */
function take(
	given: Record<string, unknown>,
	known: typeof A1111_FIELDS,
	fields: Readonly<Record<string, unknown>>,
): void {
	for (const [field, [option, read]] of Object.entries(known)) {
		const value = fields[field];
		if (isLeftAlone(value) && field !== "prompt") continue;
		const taken = read ? read(value as never) : value;
		const entry = (GENERATION_OPTIONS as Readonly<Record<string, OptionEntry>>)[
			option
		];
		const what = taken === undefined ? undefined : problemOf(entry, taken);
		if (what) throw new OptionError(option, what);
		given[option] = taken;
	}
}

/** "sampler_name" and "scheduler", or the older "sampler_index", as one name. */
function samplerOf(fields: Readonly<Record<string, unknown>>) {
	const { sampler_name, sampler_index, scheduler } = fields;
	const name = isLeftAlone(sampler_name) ? sampler_index : sampler_name;
	if (isLeftAlone(name)) return undefined;
	if (typeof name !== "string" || name.length > 100)
		throw new OptionError("sampler", `${shown(name)} is no name`);
	return isLeftAlone(scheduler) || /^automatic$/i.test(String(scheduler))
		? name
		: `${name} ${String(scheduler).slice(0, 60)}`;
}

function takesEta(sampler: unknown): boolean {
	return (
		typeof sampler === "string" &&
		["ddim", "tcd"].includes(samplerByName(sampler).name)
	);
}

function count(
	fields: Readonly<Record<string, unknown>>,
	name: "n_iter" | "batch_size",
): number {
	const value = fields[name] ?? 1;
	if (!Number.isSafeInteger(value) || Number(value) < 1)
		throw new OptionError(name, `${shown(value)} is not a whole number from 1`);
	return Number(value);
}

function inverted({ width, height, data }: PixelImage): PixelImage {
	const channels = data.length / (width * height);
	return {
		width,
		height,
		data: Uint8Array.from(data, (value, i) =>
			i % channels === 3 ? value : 255 - value,
		),
	};
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
