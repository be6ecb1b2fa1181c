import { expect, test } from "vitest";
import { decodeImage } from "../../src/image/nodeImageFile.js";
import { differences } from "../pipeline/tinyModels.js";
import { long, quick, startServer } from "./startServer.js";

const server = await startServer({ batch: 3 });
const submit = async (body: object) =>
	(await server.post("/api/jobs", body)).json.id as string;
const stateOf = async (id: string) =>
	(await server.get(`/api/jobs/${id}`)).json.state as string;

test("jobs of one size are drawn together, each with its own events, previews, settings and picture", async () => {
	const jobs = [
		{ ...quick, steps: 20, previewEvery: 5 },
		{ ...quick, steps: 20, prompt: "a cup", seed: 9, negativePrompt: "red" },
		{ ...quick, steps: 12, prompt: "a cat", sampler: "euler-a", numImages: 2 },
	];
	const ids = await Promise.all(jobs.map(submit));
	expect(server.queue.count("running")).toBe(3);
	const heard = await Promise.all(ids.map((id) => server.events(id)));
	for (const [n, events] of heard.entries()) {
		const { previewEvery: _, ...options } = {
			previewEvery: 0,
			...jobs[n],
		};
		const drawn = await server.pipeline.generate(options);
		expect(events.at(-1)?.event).toBe("done");
		expect(events.filter(({ event }) => event === "step")).toHaveLength(
			jobs[n].steps * drawn.length,
		);
		expect(
			events.filter(({ data }) => data.preview !== undefined),
		).toHaveLength(n === 0 ? 4 : 0);
		const images = events.filter(({ event }) => event === "image");
		expect(images.map(({ data }) => data.parameters)).toEqual(
			drawn.map(({ parameters }) => parameters),
		);
		for (const [index, { image }] of drawn.entries()) {
			const answer = await fetch(
				`${server.url}/api/jobs/${ids[n]}/images/${index}.png`,
			);
			const picture = await decodeImage(
				new Uint8Array(await answer.arrayBuffer()),
				"image",
			);
			expect(differences(picture.data, image.data).largest).toBeLessThanOrEqual(
				1,
			);
		}
	}
});

test("the end of one is not the end of those beside it", async () => {
	const one = await submit(long);
	const other = await submit({ ...long, seed: 6 });
	await server.events(one, ({ event }) => event === "step");
	await server.events(other, ({ event }) => event === "step");
	await server.post(`/api/jobs/${one}/cancel`);
	expect(await stateOf(one)).toBe("cancelled");
	expect(await stateOf(other)).toBe("running");
	const last = await submit(quick);
	expect((await server.events(last)).at(-1)?.event).toBe("done");
	expect(await stateOf(other)).toBe("running");
	await server.post(`/api/jobs/${other}/cancel`);
});

test("no more than so many, none of another size beside them, and none before one that came earlier", async () => {
	const ids = [];
	for (const seed of [1, 2]) ids.push(await submit({ ...long, seed }));
	const larger = await submit({ ...quick, width: 128 });
	const behind = await submit(quick);
	for (const id of ids) expect(await stateOf(id)).toBe("running");
	expect(await stateOf(larger)).toBe("queued");
	expect(await stateOf(behind)).toBe("queued");
	for (const id of ids) await server.post(`/api/jobs/${id}/cancel`);
	for (const id of [larger, behind])
		expect((await server.events(id)).at(-1)?.event).toBe("done");
	for (const seed of [1, 2, 3, 4]) ids.push(await submit({ ...long, seed }));
	expect(server.queue.count("running")).toBe(3);
	for (const id of ids) await server.post(`/api/jobs/${id}/cancel`);
});
