import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { encodeImage } from "../../src/image/nodeEncodeImage.js";
import { decodeImage } from "../../src/image/nodeImageFile.js";
import { parametersOf } from "../../src/image/pictureParameters.js";
import { rgbImage } from "../../src/image/rgbImage.js";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import { models, tinySd } from "../pipeline/tinyModels.js";
import {
	long,
	MODEL,
	quick,
	type ServerEvent,
	startServer,
} from "./startServer.js";

const server = await startServer({ limits: { queue: 3 } });
const { get, post, events } = server;
const last = (all: readonly ServerEvent[]) => all[all.length - 1];
const bytesOf = async (path: string) =>
	new Uint8Array(await (await fetch(`${server.url}${path}`)).arrayBuffer());

test("a job is submitted, followed step by step, and its image is the library's", async () => {
	const { status, headers, json } = await post("/api/jobs", {
		...quick,
		previewEvery: 1,
	});
	expect(status).toBe(202);
	expect(json).toMatchObject({ model: MODEL, images: [] });
	expect(headers.get("location")).toBe(`/api/jobs/${json.id}`);
	const heard = await events(json.id);
	expect(heard.map(({ id }) => id)).toEqual(heard.map((_, n) => String(n + 1)));
	expect(heard[0]).toMatchObject({ event: "queued", data: { position: 0 } });
	const steps = heard.filter(({ event }) => event === "step");
	expect(steps.map(({ data }) => [data.step, data.steps])).toEqual([
		[1, 3],
		[2, 3],
		[3, 3],
	]);
	expect(steps[0].data.state).toBe("full");
	const preview = await decodeImage(
		Buffer.from(steps[2].data.preview.split(",")[1], "base64"),
		"preview",
	);
	expect([preview.width, preview.height]).toEqual([8, 8]);
	expect(last(heard).event).toBe("done");

	const { json: done } = await get(`/api/jobs/${json.id}`);
	expect(done.state).toBe("done");
	const [image] = done.images;
	expect(image.model.label).toBe(MODEL);
	const [drawn] = await server.pipeline.generate(quick);
	const png = await bytesOf(image.urls.png);
	expect((await decodeImage(png, "image")).data).toEqual(drawn.image.data);
	expect(await parametersOf(png, "image")).toBe(drawn.parameters);
	for (const format of ["jpeg", "webp"])
		expect(
			(await decodeImage(await bytesOf(image.urls[format]), format)).width,
		).toBe(64);
	// the options that it tells draw it again
	const { json: again } = await post("/api/jobs", image.options);
	await events(again.id);
	expect(
		(
			await decodeImage(
				await bytesOf(`/api/jobs/${again.id}/images/0.png`),
				"again",
			)
		).data,
	).toEqual(drawn.image.data);
});

test("events go on where a client left off", async () => {
	const { json } = await post("/api/jobs", quick);
	const heard = await events(json.id);
	expect(await events(json.id, undefined, { "last-event-id": "3" })).toEqual(
		heard.slice(3),
	);
});

test("a running job is cancelled, and the next one begins; one whose reader left goes on", async () => {
	const { json: first } = await post("/api/jobs", long);
	const { json: second } = await post("/api/jobs", quick);
	expect(second).toMatchObject({ state: "queued", position: 0 });
	await events(first.id, ({ event }) => event === "step");
	expect((await get(`/api/jobs/${first.id}`)).json.state).toBe("running");
	const { json: cancelled } = await post(`/api/jobs/${first.id}/cancel`);
	expect(cancelled.state).toBe("cancelled");
	expect(last(await events(first.id)).event).toBe("cancelled");
	expect(last(await events(second.id)).event).toBe("done");
	expect((await post(`/api/jobs/${first.id}/cancel`)).status).toBe(409);
});

test("a waiting job is cancelled; a full queue is answered with 429 and Retry-After", async () => {
	const ids: string[] = [];
	for (let n = 0; n < 3; n++) ids.push((await post("/api/jobs", long)).json.id);
	const full = await post("/api/jobs", quick);
	expect(full.status).toBe(429);
	expect(full.json.error.code).toBe("queue_full");
	expect(Number(full.headers.get("retry-after"))).toBeGreaterThan(0);
	expect((await get(`/api/jobs/${ids[2]}`)).json.position).toBe(1);
	expect((await post(`/api/jobs/${ids[1]}/cancel`)).json.state).toBe(
		"cancelled",
	);
	expect((await get(`/api/jobs/${ids[2]}`)).json.position).toBe(0);
	expect((await post("/api/jobs", quick)).status).toBe(202);
	for (const { id, state } of (await get("/api/jobs")).json.jobs)
		if (/queued|running/.test(state)) await post(`/api/jobs/${id}/cancel`);
});

test("pictures go in as base64, and no picture is refused", async () => {
	const picture = Buffer.from(await encodeImage(rgbImage(64, 64), "png"));
	const { json } = await post("/api/jobs", {
		...quick,
		initImage: `data:image/png;base64,${picture.toString("base64")}`,
		strength: 0.5,
	});
	expect(last(await events(json.id)).event).toBe("done");
	for (const initImage of [
		"https://example.org/a.png",
		"/etc/passwd",
		"aGVsbG8=",
		7,
	])
		expect(await post("/api/jobs", { ...quick, initImage })).toMatchObject({
			status: 400,
			json: { error: { option: "initImage" } },
		});
	const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>');
	expect(
		(await post("/api/jobs", { ...quick, initImage: svg.toString("base64") }))
			.status,
	).toBe(400);
});

test.each([
	[{ ...quick, steps: 0 }, "steps"],
	[{ ...quick, stepz: 3 }, "stepz"],
	[{ ...quick, width: 65 }, "width"],
	[{ ...quick, model: "none" }, "model"],
	[{ ...quick, previewEvery: -1 }, "previewEvery"],
	[{ ...quick, keySteps: "papr" }, "keySteps"],
	[{ ...quick, initialNoise: "x" }, "initialNoise"],
	[{ ...quick, maxDecodeBatch: 11 }, "maxDecodeBatch"],
	[{ steps: 3 }, "prompt"],
])("%j is refused and named", async (body, option) => {
	const { status, json } = await post("/api/jobs", body);
	expect(status).toBe(400);
	expect(json.error).toMatchObject({ option, code: "invalid_option" });
});

test("what is asked for can be looked at before it is drawn", async () => {
	const { json } = await post("/api/settings", {
		...quick,
		steps: 20,
		keySteps: "uniform:4",
	});
	expect(json.evaluations).toBe(20);
	expect(json.states.filter((state: string) => state === "full")).toHaveLength(
		5,
	);
	expect(json.options).toMatchObject({
		sampler: "dpm-solver++",
		keySteps: "uniform:4",
	});
	expect(json.timesteps).toHaveLength(20);
});

test("what is looked at comes back without the pictures that it was given", async () => {
	const pipeline = await loadPipeline(tinySd, {
		threads: 1,
		controlnet: join(models, "tiny-control"),
	});
	const own = await startServer({ pipeline });
	onTestFinished(async () => {
		await own.close();
		await pipeline.release();
	});
	const picture = Buffer.from(await encodeImage(rgbImage(64, 64), "png"));
	const { status, json } = await own.post("/api/settings", {
		...quick,
		controlImage: picture.toString("base64"),
	});
	expect(status).toBe(200);
	expect(json.options).toMatchObject({ steps: 3 });
	expect(Object.keys(json.options)).not.toContain("controlImage");
});

test("the options are told with their schema, and by OpenAPI", async () => {
	const { json } = await get("/api/options");
	expect(json.models[0]).toMatchObject({
		name: MODEL,
		defaults: { steps: 20 },
	});
	expect(json.options.map(({ name }: { name: string }) => name).sort()).toEqual(
		Object.keys(json.schema.properties).sort(),
	);
	expect(json.schema.properties.initImage.contentEncoding).toBe("base64");
	expect(json.schema.properties.initialNoise).toBeUndefined();
	const { json: openapi } = await get("/openapi.json");
	expect(openapi.openapi).toBe("3.1.0");
	expect(
		openapi.components.schemas.JobRequest.properties.keySteps,
	).toBeDefined();
});

test("a picture's settings are read from its file", async () => {
	const [drawn] = await server.pipeline.generate(quick);
	const form = new FormData();
	form.append("image", new Blob([await drawn.encode()]), "a.png");
	const response = await fetch(`${server.url}/api/parameters`, {
		method: "POST",
		body: form,
	});
	const told = (await response.json()) as { options: object; text: string };
	expect(told.text).toBe(drawn.parameters);
	expect(told.options).toMatchObject({
		prompt: quick.prompt,
		seed: 5,
		steps: 3,
	});
});

test("metrics count what was drawn", async () => {
	expect((await get("/healthz")).json).toEqual({ status: "ok" });
	expect((await get("/readyz")).json).toEqual({ status: "ready" });
	const { text } = await get("/metrics");
	expect(text).toMatch(
		/^fdiff_jobs_total\{model="tiny",state="cancelled"\} [1-9]/m,
	);
	expect(text).toMatch(/^fdiff_jobs\{state="running"\} 0$/m);
	expect(text).toMatch(/^fdiff_images_total\{model="tiny"\} [1-9]/m);
});

test("logs hold no prompts", () => {
	expect(server.logged.length).toBeGreaterThan(10);
	expect(JSON.stringify(server.logged)).not.toContain("apple");
});
