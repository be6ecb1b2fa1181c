import { expect, test } from "vitest";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import { textCache } from "../../src/pipeline/textCache.js";
import { tinySd } from "../cli/runProgram.js";

const tensorOf = (floats: number) => ({
	states: { dims: [floats], data: new Float32Array(floats) },
});

test("what was used last is kept, up to so many bytes", async () => {
	const cache = textCache(100);
	const made: string[] = [];
	const of = (key: string, floats = 10) =>
		cache.of(key, async () => {
			made.push(key);
			return tensorOf(floats);
		});
	const a = await of("a");
	await of("b");
	expect(await of("a")).toBe(a);
	await of("c");
	await of("a");
	await of("b");
	expect(made).toEqual(["a", "b", "c", "b"]);
	// one that is larger than the cache is made, and not kept
	await of("large", 30);
	await of("large", 30);
	await of("b");
	cache.clear();
	await of("b");
	expect(made).toEqual(["a", "b", "c", "b", "large", "large", "b"]);
});

test("a failure is not kept", async () => {
	const cache = textCache(100);
	await expect(
		cache.of("a", () => Promise.reject(new Error("no"))),
	).rejects.toThrow("no");
	expect(await cache.of("a", async () => tensorOf(1))).toEqual(tensorOf(1));
});

test("equal prompts are encoded once, others anew, and the images are the same", async () => {
	const options = { width: 64, height: 64, steps: 2, seed: 3 };
	await using pipeline = await loadPipeline(tinySd, {
		threads: 1,
		keepResident: false,
	});
	/** Whether the text encoder was loaded, which is where networks make room for each other. */
	const draw = async (prompt: string, clipSkip = 0) => {
		let encoded = false;
		let data: Uint8Array | undefined;
		for await (const event of pipeline.stream({
			...options,
			prompt,
			clipSkip,
		})) {
			if (event.kind === "loading" && /text/.test(event.network))
				encoded = true;
			if (event.kind === "image") data = event.result.image.data;
		}
		return { encoded, data };
	};
	const first = await draw("a red apple");
	const second = await draw("a red apple");
	expect([first.encoded, second.encoded]).toEqual([true, false]);
	expect(second.data).toEqual(first.data);
	expect((await draw("a green apple")).encoded).toBe(true);
	expect((await draw("a red apple", 1)).encoded).toBe(true);
	await pipeline.release();
	expect((await draw("a red apple")).encoded).toBe(true);
});
