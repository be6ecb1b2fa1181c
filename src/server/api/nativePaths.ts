import {
	answer,
	binary,
	formBody,
	jsonBody,
	jsonContent,
	type Paths,
	pathParameter,
	schemaRef,
	text,
} from "./describe.js";

const job = [pathParameter("id", text)];
const jobAnswer = answer("The job", jsonContent(schemaRef("Job")));
const jobBody = jsonBody(schemaRef("JobRequest"));

/** The native API's paths. */
export const NATIVE_PATHS: Paths = {
	"/api/options": {
		get: {
			summary: "Models, limits, and the options of a job with their schema",
			responses: { 200: answer("Options") },
		},
	},
	"/api/settings": {
		post: {
			summary:
				"Options with every default filled in, and the state of each step; nothing is drawn",
			requestBody: jobBody,
			responses: { 200: answer("Settings"), 400: answer("A wrong option") },
		},
	},
	"/api/jobs": {
		get: { summary: "Own jobs", responses: { 200: answer("Jobs") } },
		post: {
			summary: "Draw",
			requestBody: jobBody,
			responses: {
				202: jobAnswer,
				400: answer("A wrong option"),
				429: answer("The queue is full"),
			},
		},
	},
	"/api/jobs/{id}": {
		parameters: job,
		get: { summary: "How far a job is", responses: { 200: jobAnswer } },
	},
	"/api/jobs/{id}/events": {
		parameters: job,
		get: {
			summary: "What happens, as it happens",
			responses: {
				200: answer("Server-sent events", { "text/event-stream": {} }),
			},
		},
	},
	"/api/jobs/{id}/cancel": {
		parameters: job,
		post: {
			summary: "Stop a job",
			responses: { 200: jobAnswer, 409: answer("It has ended before") },
		},
	},
	"/api/jobs/{id}/images/{file}": {
		parameters: [
			...job,
			pathParameter("file", {
				type: "string",
				pattern: "^\\d{1,5}\\.(png|jpeg|webp)$",
			}),
		],
		get: { summary: "An image", responses: { 200: answer("Its file") } },
	},
	"/api/parameters": {
		post: {
			summary: "The options in a picture's file",
			requestBody: formBody({ image: binary }, ["image"]),
			responses: { 200: answer("Options") },
		},
	},
};

/** Their schemas, over that of a job's options. */
export function nativeSchemas(options: { readonly properties?: object }) {
	return {
		Options: options,
		JobRequest: {
			...options,
			properties: {
				...options.properties,
				model: { type: "string", description: "a model's name" },
			},
		},
		Job: {
			type: "object",
			required: ["id", "state", "model", "images", "links"],
			properties: {
				id: text,
				state: {
					enum: ["queued", "running", "done", "failed", "cancelled"],
				},
				model: text,
				position: { type: "integer" },
				step: { type: "integer" },
				steps: { type: "integer" },
				images: { type: "array", items: { type: "object" } },
				error: schemaRef("Error"),
				links: { type: "object" },
			},
		},
		Error: {
			type: "object",
			required: ["code", "message"],
			properties: { code: text, message: text, option: text },
		},
	};
}
