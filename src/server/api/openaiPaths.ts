import * as z from "zod";
import {
	answer,
	binary,
	jsonBody,
	jsonContent,
	type Paths,
	pathParameter,
	schemaRef,
	text,
} from "./describe.js";
import { OUR_FIELDS, openAiFields } from "./openai.js";

/** The schemas of OpenAI's requests: its fields, and our options by their names in snake_case. */
export function openAiSchemas(options: {
	readonly properties?: Readonly<Record<string, unknown>>;
}) {
	const { properties: theirs } = z.toJSONSchema(openAiFields, { io: "input" });
	const ours = Object.fromEntries(
		[...OUR_FIELDS].map(([field, option]) => [
			field,
			options.properties?.[option],
		]),
	);
	const { init_image: _, mask: __, ...beside } = ours;
	const properties = { ...beside, ...theirs };
	return {
		ImageGeneration: { type: "object", required: ["prompt"], properties },
		ImageEdit: {
			type: "object",
			required: ["image", "prompt"],
			properties: { ...properties, image: binary, mask: binary },
		},
		Images: {
			type: "object",
			required: ["created", "data"],
			properties: {
				created: { type: "integer" },
				data: {
					type: "array",
					items: {
						type: "object",
						properties: {
							b64_json: text,
							url: text,
							seed: { type: ["integer", "string"] },
						},
					},
				},
			},
		},
	};
}

const images = {
	200: answer("The images", {
		...jsonContent(schemaRef("Images")),
		"text/event-stream": {},
	}),
	400: answer("A wrong field"),
	429: answer("The queue is full"),
};

/** The paths of OpenAI's images API. */
export const OPENAI_PATHS: Paths = {
	"/v1/images/generations": {
		post: {
			summary: "Draw, as OpenAI's clients ask for it",
			requestBody: jsonBody(schemaRef("ImageGeneration")),
			responses: images,
		},
	},
	"/v1/images/edits": {
		post: {
			summary: "Draw from a picture, as OpenAI's clients ask for it",
			requestBody: {
				required: true,
				content: { "multipart/form-data": { schema: schemaRef("ImageEdit") } },
			},
			responses: images,
		},
	},
	"/v1/models": {
		get: { summary: "The models", responses: { 200: answer("Models") } },
	},
	"/v1/models/{name}": {
		parameters: [pathParameter("name", text)],
		get: { summary: "A model", responses: { 200: answer("Model") } },
	},
};
