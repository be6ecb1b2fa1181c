import { requestSchema } from "../pipeline/optionForm.js";
import { A1111_PATHS, a1111Schemas } from "./api/a1111Paths.js";
import { answer } from "./api/describe.js";
import { NATIVE_PATHS, nativeSchemas } from "./api/nativePaths.js";
import { OPENAI_PATHS, openAiSchemas } from "./api/openaiPaths.js";

const health = (summary: string) => ({
	get: { summary, security: [], responses: { 200: answer("Yes") } },
});

/** The server's description by OpenAPI 3.1: every endpoint, with the schemas of what it takes. */
export function openApi(): object {
	const { $schema: _, ...options } = requestSchema();
	return {
		openapi: "3.1.0",
		info: { title: "faster-diffusion", version: "1" },
		components: {
			securitySchemes: {
				key: { type: "http", scheme: "bearer" },
				password: { type: "http", scheme: "basic" },
			},
			schemas: {
				...nativeSchemas(options),
				...openAiSchemas(options),
				...a1111Schemas(options),
			},
		},
		security: [{ key: [] }, { password: [] }],
		paths: {
			...NATIVE_PATHS,
			...OPENAI_PATHS,
			...A1111_PATHS,
			"/healthz": health("Whether the process lives"),
			"/readyz": health("Whether it takes jobs"),
			"/metrics": {
				get: {
					summary: "Metrics for Prometheus",
					responses: { 200: answer("Metrics", { "text/plain": {} }) },
				},
			},
			"/openapi.json": {
				get: {
					summary: "This description",
					responses: { 200: answer("OpenAPI 3.1") },
				},
			},
		},
	};
}
