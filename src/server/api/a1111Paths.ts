import { A1111_FIELDS, A1111_PICTURE_FIELDS } from "./a1111Request.js";
import {
	answer,
	jsonBody,
	jsonContent,
	type Paths,
	schemaRef,
	text,
} from "./describe.js";

type Properties = Readonly<Record<string, unknown>>;

/** The schemas of A1111's requests, in which our options have its names. */
export function a1111Schemas({
	properties = {},
}: {
	readonly properties?: Properties;
}) {
	const named = (
		fields: Readonly<Record<string, readonly [string, unknown?]>>,
	) =>
		Object.fromEntries(
			Object.entries(fields).map(([field, [option, read]]) => [
				field,
				// what is read in another way has values of its own
				read ? { description: `stands for ${option}` } : properties[option],
			]),
		);
	const common = {
		...named(A1111_FIELDS),
		seed: { type: "integer", description: "-1: random" },
		sampler_name: text,
		scheduler: text,
		n_iter: { type: "integer", minimum: 1 },
		batch_size: { type: "integer", minimum: 1 },
		send_images: { type: "boolean" },
		override_settings: {
			type: "object",
			properties: {
				CLIP_stop_at_last_layers: { type: "integer", minimum: 1 },
				sd_model_checkpoint: text,
				key_steps: text,
			},
		},
	};
	const number = { type: "number" };
	return {
		Txt2Img: {
			type: "object",
			properties: {
				...common,
				enable_hr: { type: "boolean" },
				hr_scale: number,
				hr_upscaler: text,
				denoising_strength: number,
			},
		},
		Img2Img: {
			type: "object",
			required: ["init_images"],
			properties: {
				...common,
				...named(A1111_PICTURE_FIELDS),
				init_images: {
					type: "array",
					items: { type: "string", contentEncoding: "base64" },
					minItems: 1,
					maxItems: 1,
				},
				mask: { type: "string", contentEncoding: "base64" },
				inpainting_mask_invert: { type: ["integer", "boolean"] },
			},
		},
		A1111Images: {
			type: "object",
			required: ["images", "parameters", "info"],
			properties: {
				images: {
					type: "array",
					items: { type: "string", contentEncoding: "base64" },
				},
				parameters: { type: "object" },
				info: text,
			},
		},
	};
}

const images = {
	200: answer("The images", jsonContent(schemaRef("A1111Images"))),
	400: answer("A wrong field"),
	429: answer("The queue is full"),
};
const list = (summary: string) => ({
	get: { summary, responses: { 200: answer(summary) } },
});

/** The paths of A1111's API. */
export const A1111_PATHS: Paths = {
	"/sdapi/v1/txt2img": {
		post: {
			summary: "Draw, as A1111's clients ask for it",
			requestBody: jsonBody(schemaRef("Txt2Img")),
			responses: images,
		},
	},
	"/sdapi/v1/img2img": {
		post: {
			summary: "Draw from a picture, as A1111's clients ask for it",
			requestBody: jsonBody(schemaRef("Img2Img")),
			responses: images,
		},
	},
	"/sdapi/v1/progress": list("How far the running job is"),
	"/sdapi/v1/interrupt": {
		post: {
			summary: "Stop the running job",
			responses: { 200: answer("It is asked to stop") },
		},
	},
	"/sdapi/v1/png-info": {
		post: {
			summary: "The settings in a picture's file",
			requestBody: jsonBody({
				type: "object",
				required: ["image"],
				properties: { image: { type: "string", contentEncoding: "base64" } },
			}),
			responses: { 200: answer("Settings") },
		},
	},
	"/sdapi/v1/samplers": list("Samplers"),
	"/sdapi/v1/schedulers": list("Spacings of noise levels"),
	"/sdapi/v1/sd-models": list("Models"),
	"/sdapi/v1/options": {
		...list("What is set"),
		post: {
			summary: "Set model or clip skip, for the own key",
			requestBody: jsonBody({ type: "object" }),
			responses: { 200: answer("It is set") },
		},
	},
};
