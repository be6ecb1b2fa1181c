import { expect, test } from "vitest";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import type { Pipeline } from "../../src/pipeline/pipeline.js";
import { trimMemory } from "../../src/runtime/nodeTrimMemory.js";
import { modelShelf } from "../../src/server/models.js";
import { tinySd } from "../cli/runProgram.js";
import { quick } from "./startServer.js";

const names = ["first", "second", "third"];

/** Three models of the same size, each under a name of its own, with room for `room` of them. */
async function shelf(room: number) {
	const models = [];
	for (const name of names)
		models.push({
			name,
			pipeline: await loadPipeline(tinySd, { threads: 1, keepResident: true }),
		});
	const { networkBytes } = models[0].pipeline;
	return { ...modelShelf(models, room * networkBytes), networkBytes };
}

/** Networks that are loaded for a run. */
async function loadedFor(pipeline: Pipeline): Promise<string[]> {
	const loaded: string[] = [];
	for await (const event of pipeline.stream(quick))
		if (event.kind === "loading" && event.seconds !== undefined)
			loaded.push(event.network);
	return loaded;
}

test("models stay loaded within the budget; the one used longest ago makes room", async () => {
	const { use, release, networkBytes } = await shelf(2.5);
	expect(networkBytes).toBeGreaterThan(100_000);
	const again = async (name: string) => (await use(name, loadedFor)).length;
	expect(await again("first")).toBeGreaterThan(0);
	expect(await again("second")).toBeGreaterThan(0);
	expect(await again("first")).toBe(0);
	// makes room for itself by the second
	expect(await again("third")).toBeGreaterThan(0);
	expect(await again("first")).toBe(0);
	expect(await again("second")).toBeGreaterThan(0);
	await release();
});

test.runIf(process.platform === "linux")(
	"what engines have freed is given back to the system",
	async () => {
		expect(await trimMemory()).toBe(true);
		expect(await trimMemory()).toBe(true);
	},
);

test("a model over the whole budget is drawn with alone, and one at work keeps its memory", async () => {
	const { use, release } = await shelf(0.5);
	await use("first", async (first) => {
		await loadedFor(first);
		expect((await use("second", loadedFor)).length).toBeGreaterThan(0);
		expect(await loadedFor(first)).toEqual([]);
	});
	expect((await use("second", loadedFor)).length).toBe(0);
	expect((await use("first", loadedFor)).length).toBeGreaterThan(0);
	await release();
});
