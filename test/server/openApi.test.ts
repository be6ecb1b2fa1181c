import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../cli/runProgram.js";
import { startServer } from "./startServer.js";

const server = await startServer();
const { json } = await server.get("/openapi.json");
type Schema = { readonly $ref?: string } & Readonly<Record<string, unknown>>;

test("every endpoint is described, and every description is of an endpoint", () => {
	const folder = join(root, "src", "server");
	const routes = readdirSync(folder, { recursive: true, encoding: "utf8" })
		.filter((name) => name.endsWith(".ts"))
		.flatMap((name) => [
			...readFileSync(join(folder, name), "utf8").matchAll(
				/\bapp\.(get|post)\(\s*"([^"]+)"/g,
			),
		])
		.map(([, method, path]) => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`);
	const described = Object.entries<object>(json.paths).flatMap(
		([path, methods]) =>
			Object.keys(methods)
				.filter((method) => method !== "parameters")
				.map((method) => `${method} ${path}`),
	);
	expect(routes.length).toBeGreaterThan(25);
	expect(described.sort()).toEqual(routes.sort());
});

test("references lead to schemas, and requests' schemas know their fields", () => {
	const { schemas } = json.components as {
		schemas: Record<string, { properties: Record<string, Schema> }>;
	};
	const text = JSON.stringify(json);
	for (const [, name] of text.matchAll(/#\/components\/schemas\/(\w+)/g))
		expect(schemas[name], name).toBeDefined();
	expect(schemas.JobRequest.properties).toMatchObject({
		prompt: { type: "string" },
		previewEvery: { minimum: 0 },
		model: { type: "string" },
	});
	const generation = schemas.ImageGeneration.properties;
	expect(generation).toMatchObject({
		n: { minimum: 1, maximum: 10 },
		response_format: { enum: ["b64_json", "url"] },
		prompt: { type: "string" },
		steps: { type: "integer" },
	});
	expect(generation.key_steps).toEqual(schemas.Options.properties.keySteps);
	expect(schemas.Txt2Img.properties.cfg_scale).toEqual(
		schemas.Options.properties.guidanceScale,
	);
	for (const [name, { properties }] of Object.entries(schemas))
		for (const [field, schema] of Object.entries(properties))
			expect(schema, `${name}.${field}`).toBeTypeOf("object");
});
