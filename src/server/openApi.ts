import { requestSchema } from "./requestOptions.js";

const json = (schema: object) => ({ "application/json": { schema } });
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const answer = (description: string, content?: object) => ({
	description,
	...(content && { content }),
});
const job = [
	{ name: "id", in: "path", required: true, schema: { type: "string" } },
];

/** The native API's description by OpenAPI 3.1; the others are described by those who made them. */
export function openApi(): object {
	const { $schema: _, ...options } = requestSchema();
	const jobAnswer = answer("The job", json(ref("Job")));
	return {
		openapi: "3.1.0",
		info: { title: "faster-diffusion", version: "1" },
		components: {
			securitySchemes: { key: { type: "http", scheme: "bearer" } },
			schemas: {
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
						id: { type: "string" },
						state: {
							enum: ["queued", "running", "done", "failed", "cancelled"],
						},
						model: { type: "string" },
						position: { type: "integer" },
						step: { type: "integer" },
						steps: { type: "integer" },
						images: { type: "array", items: { type: "object" } },
						error: ref("Error"),
						links: { type: "object" },
					},
				},
				Error: {
					type: "object",
					required: ["code", "message"],
					properties: {
						code: { type: "string" },
						message: { type: "string" },
						option: { type: "string" },
					},
				},
			},
		},
		security: [{ key: [] }],
		paths: {
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
					requestBody: { content: json(ref("JobRequest")) },
					responses: { 200: answer("Settings") },
				},
			},
			"/api/jobs": {
				get: { summary: "Own jobs", responses: { 200: answer("Jobs") } },
				post: {
					summary: "Draw",
					requestBody: { required: true, content: json(ref("JobRequest")) },
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
			"/api/jobs/{id}/images/{index}.{format}": {
				parameters: [
					...job,
					{
						name: "index",
						in: "path",
						required: true,
						schema: { type: "integer" },
					},
					{
						name: "format",
						in: "path",
						required: true,
						schema: { enum: ["png", "jpeg", "webp"] },
					},
				],
				get: { summary: "An image", responses: { 200: answer("Its file") } },
			},
			"/api/parameters": {
				post: {
					summary: "The options in a picture's file",
					requestBody: {
						content: {
							"multipart/form-data": {
								schema: {
									type: "object",
									properties: { image: { type: "string", format: "binary" } },
								},
							},
						},
					},
					responses: { 200: answer("Options") },
				},
			},
		},
	};
}
