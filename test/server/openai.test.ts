import OpenAI, { toFile } from "openai";
import sharp from "sharp";
import { expect, test } from "vitest";
import { encodeImage } from "../../src/image/nodeEncodeImage.js";
import { decodeImage } from "../../src/image/nodeImageFile.js";
import { rgbImage } from "../../src/image/rgbImage.js";
import { MODEL, quick, startServer } from "./startServer.js";

const KEY = "openai-0123456789abcdef";
const server = await startServer({ keys: [KEY], limits: { queue: 2 } });
const client = new OpenAI({
	apiKey: KEY,
	baseURL: `${server.url}/v1`,
	maxRetries: 0,
});
/** Our fields beside OpenAI's, which its types do not know. */
const ours = { seed: 5, steps: 3 } as object;
const asked = { prompt: quick.prompt, size: "64x64" as never, ...ours };
const pixels = async (base64 = "") =>
	decodeImage(Buffer.from(base64, "base64"), "answer");

test("the official client draws the library's image", async () => {
	const { data, output_format, size } = await client.images.generate(asked);
	const [drawn] = await server.pipeline.generate(quick);
	expect((await pixels(data?.[0].b64_json)).data).toEqual(drawn.image.data);
	expect([output_format, size]).toEqual(["png", "64x64"]);
});

test("n, formats, and our options beside OpenAI's", async () => {
	const options = {
		...asked,
		n: 2,
		output_format: "jpeg" as const,
		output_compression: 80,
		quality: "low" as const,
		user: "someone",
		negative_prompt: "blue",
		key_steps: "all",
		guidance_scale: 4,
	};
	const { data = [] } = await client.images.generate(options);
	expect(data.map((one) => (one as { seed?: number }).seed)).toEqual([5, 6]);
	for (const { b64_json = "" } of data)
		expect(
			(await sharp(Buffer.from(b64_json, "base64")).metadata()).format,
		).toBe("jpeg");
	const job = (
		await server.get("/api/jobs", { authorization: `Bearer ${KEY}` })
	).json.jobs[0];
	expect(job.images[0].options).toMatchObject({
		negativePrompt: "blue",
		keySteps: "all",
		guidanceScale: 4,
	});
});

test("url answers with an address of this server", async () => {
	const { data } = await client.images.generate({
		...asked,
		response_format: "url",
	});
	const response = await fetch(data?.[0].url ?? "", {
		headers: { authorization: `Bearer ${KEY}` },
	});
	expect(response.headers.get("content-type")).toBe("image/png");
});

test("a stream has partial images, then the image", async () => {
	const stream = await client.images.generate({
		...asked,
		steps: 8,
		stream: true,
		partial_images: 2,
	} as OpenAI.ImageGenerateParamsStreaming);
	const events = [];
	for await (const event of stream) events.push(event);
	expect(events.map(({ type }) => type)).toEqual([
		"image_generation.partial_image",
		"image_generation.partial_image",
		"image_generation.completed",
	]);
	expect(
		events
			.slice(0, 2)
			.map(
				(event) => "partial_image_index" in event && event.partial_image_index,
			),
	).toEqual([0, 1]);
	const [drawn] = await server.pipeline.generate({ ...quick, steps: 8 });
	expect((await pixels(events[2].b64_json)).data).toEqual(drawn.image.data);
	expect((await pixels(events[0].b64_json)).width).toBe(8);
});

test("a picture is edited under a mask, transparent where it is drawn anew", async () => {
	const grey = rgbImage(64, 64, new Uint8Array(64 * 64 * 3).fill(128));
	const image = await toFile(await encodeImage(grey, "png"), "grey.png", {
		type: "image/png",
	});
	const rgba = new Uint8Array(64 * 64 * 4).fill(255);
	for (let y = 0; y < 64; y++)
		for (let x = 32; x < 64; x++) rgba[4 * (64 * y + x) + 3] = 0;
	const mask = await toFile(
		await sharp(rgba, { raw: { width: 64, height: 64, channels: 4 } })
			.png()
			.toBuffer(),
		"mask.png",
		{ type: "image/png" },
	);
	const { data } = await client.images.edit({
		image,
		mask,
		...asked,
		key_steps: "all",
	} as OpenAI.ImageEditParamsNonStreaming);
	const drawn = await pixels(data?.[0].b64_json);
	const far = (x: number) => Math.abs(drawn.data[3 * (64 * 32 + x)] - 128);
	expect([0, 10, 20, 30].map(far)).toEqual([0, 0, 0, 0]);
	expect([36, 44, 52, 60].map(far).some((difference) => difference > 3)).toBe(
		true,
	);
	const plain = await client.images.edit({
		image: [image],
		...asked,
	} as OpenAI.ImageEditParamsNonStreaming);
	expect((await pixels(plain.data?.[0].b64_json)).width).toBe(64);
	await expect(
		client.images.edit({ image: [image, image], ...asked }),
	).rejects.toMatchObject({ status: 400, param: "image" });
});

test("models are listed, and others are not found", async () => {
	expect((await client.models.list()).data.map(({ id }) => id)).toEqual([
		MODEL,
	]);
	expect((await client.models.retrieve(MODEL)).id).toBe(MODEL);
	await expect(
		client.images.generate({ ...asked, model: "dall-e-3" }),
	).rejects.toMatchObject({
		code: "model_not_found",
		param: "model",
	});
});

test.each([
	[{ n: 11 }, "n"],
	[{ size: "big" }, "size"],
	[{ size: "65x64" }, "width"],
	[{ steps: 9999 }, "steps"],
	[{ guidance_scale: "x" }, "guidance_scale"],
	[{ nonsense: 1 }, "nonsense"],
	[{ background: "transparent" }, "background"],
	[{ prompt: undefined }, "prompt"],
])("%j is refused in OpenAI's words", async (wrong, param) => {
	const answer = client.images.generate({ ...asked, ...wrong } as never);
	await expect(answer).rejects.toBeInstanceOf(OpenAI.BadRequestError);
	await expect(answer).rejects.toMatchObject({
		param,
		type: "invalid_request_error",
	});
});

test("a wrong key is an AuthenticationError, a full queue a RateLimitError", async () => {
	const stranger = client.withOptions({ apiKey: "someone-else-0123456" });
	await expect(stranger.images.generate(asked)).rejects.toBeInstanceOf(
		OpenAI.AuthenticationError,
	);
	const many = await Promise.allSettled(
		Array.from({ length: 4 }, () =>
			client.images.generate({ ...asked, steps: 10 } as never),
		),
	);
	const refused = many.filter(({ status }) => status === "rejected");
	expect(refused).toHaveLength(2);
	for (const one of refused)
		expect((one as PromiseRejectedResult).reason).toBeInstanceOf(
			OpenAI.RateLimitError,
		);
});

test("a job that is cancelled ends the client's stream with an error", async () => {
	const stream = await client.images.generate({
		...asked,
		steps: 150,
		n: 10,
		stream: true,
	} as OpenAI.ImageGenerateParamsStreaming);
	const { jobs } = (
		await server.get("/api/jobs", { authorization: `Bearer ${KEY}` })
	).json;
	await server.post(jobs[0].links.cancel, undefined, {
		authorization: `Bearer ${KEY}`,
	});
	await expect(async () => {
		for await (const _ of stream);
	}).rejects.toThrow("cancelled");
});

test("a job that is cancelled is not asked for again by a client that tries again", async () => {
	const headers = { authorization: `Bearer ${KEY}` };
	const jobs = async (): Promise<{ id: string; state: string }[]> =>
		(await server.get("/api/jobs", headers)).json.jobs;
	const before = (await jobs()).length;
	const patient = client.withOptions({ maxRetries: 2 });
	const answer = patient.images.generate({
		...asked,
		steps: 150,
		n: 10,
	} as OpenAI.ImageGenerateParamsNonStreaming);
	answer.catch(() => undefined);
	await expect.poll(async () => (await jobs()).length).toBe(before + 1);
	const [{ id }] = await jobs();
	await server.post(`/api/jobs/${id}/cancel`, undefined, headers);
	await expect(answer).rejects.toThrow("cancelled");
	expect(await jobs()).toHaveLength(before + 1);
});
