import { graphBuilder } from "../../src/graph/graphBuilder.js";
import { attention } from "../../src/graph/layers/attention.js";
import { openWebEngine } from "../../src/runtime/web/webEngine.js";
import { tensor } from "../../src/tensor/tensor.js";
import {
	type GenerateOptions,
	type LoadOptions,
	listModels,
	loadPipeline,
	type Pipeline,
	removeModel,
} from "../../src/web.js";
import { answerCalls } from "./answerCalls.js";

let pipeline: Pipeline | undefined;
let abort = new AbortController();

/** What the checks of this worker came to. */
const kept = new Map<string, string>();
const checks = {
	recall: async (key: string) => kept.get(key),
	async remember(key: string, wrong: string) {
		kept.set(key, wrong);
	},
};

/** Pictures and files, which come as lists of bytes and as addresses. */
async function revived(options: GenerateOptions): Promise<GenerateOptions> {
	const read: Record<string, unknown> = { ...options };
	type Picture = { readonly data: readonly number[] };
	const inBytes = (given: Picture | readonly Picture[]): unknown =>
		Array.isArray(given)
			? given.map(inBytes)
			: { ...given, data: Uint8Array.from((given as Picture).data) };
	for (const name of ["initImage", "mask", "controlImage"])
		if (read[name]) read[name] = inBytes(read[name] as Picture);
	for (const name of ["loras", "embeddings"])
		read[name] = await Promise.all(
			((read[name] ?? []) as { readonly fileAt?: string }[]).map(
				async ({ fileAt, ...one }) =>
					fileAt ? { ...one, file: await (await fetch(fileAt)).blob() } : one,
			),
		);
	return read as unknown as GenerateOptions;
}

answerCalls({
	async load(tell, model: string | undefined, options: LoadOptions = {}) {
		const started = performance.now();
		pipeline = await loadPipeline(model, {
			runtimeFiles: "/ort",
			onNotice: (notice) => tell({ notice }),
			...options,
		});
		return {
			label: pipeline.label,
			hash: pipeline.hash,
			engine: pipeline.engine,
			version: pipeline.engineVersion,
			isolated: crossOriginIsolated,
			seconds: (performance.now() - started) / 1000,
		};
	},
	async draw(_, options: GenerateOptions) {
		if (!pipeline) throw new Error("load first");
		const started = performance.now();
		const [{ image, initialNoise }] = await pipeline.generate(
			await revived(options),
		);
		return {
			pixels: [...image.data],
			noise: [...initialNoise.data.slice(0, 8)],
			seconds: (performance.now() - started) / 1000,
		};
	},
	/** Aborts after so many steps; tells how many more there were. */
	async cancel(_, options: GenerateOptions, after: number) {
		if (!pipeline) throw new Error("load first");
		abort = new AbortController();
		let steps = 0;
		try {
			for await (const event of pipeline.stream({
				...options,
				signal: abort.signal,
			}))
				if (event.kind === "step" && ++steps === after) abort.abort();
		} catch (error) {
			return { steps, name: (error as Error).name };
		}
		return { steps, name: "not cancelled" };
	},
	async png(_, options: GenerateOptions) {
		if (!pipeline) throw new Error("load first");
		const [image] = await pipeline.generate(options);
		return [...(await image.encode("png"))];
	},
	async release() {
		await pipeline?.release();
	},
	/** How an engine gets along with a device. */
	async check(_, device: "wasm" | "webgpu") {
		const started = performance.now();
		const { avoided } = await openWebEngine({
			device,
			runtimeFiles: "/ort",
			memory: checks,
		});
		const seconds = (performance.now() - started) / 1000;
		return { seconds, avoided, checks: [...kept] };
	},
	/** Draws again and again, as a page does that is open for long. */
	async drawMany(_, options: GenerateOptions, times: number) {
		if (!pipeline) throw new Error("load first");
		for (let seed = 0; seed < times; seed++)
			await pipeline.generate({ ...options, seed });
		(globalThis as { gc?: () => void }).gc?.();
	},
	/** Attention over so many tokens, in one head of 64: the sum of its values. */
	async attention(_, way: "fused" | "sliced", count: number) {
		const { flavour, createSession } = await openWebEngine({
			device: "wasm",
			runtimeFiles: "/ort",
			memory: checks,
		});
		const g = graphBuilder(
			{ label: "none", files: new Map(), tensors: new Map() },
			{ ...flavour({}), attention: way },
		);
		const [q, k, v] = ["q", "k", "v"].map((name) =>
			g.input(name, [1, `${name} tokens`, 64], [1, 4096, 64]),
		);
		g.output("mixed", attention(g, q, k, v, { heads: 1 }));
		const session = await createSession(g.finish());
		const inputs = Object.fromEntries(
			["q", "k", "v"].map((name, i) => [
				name,
				tensor(
					[1, count, 64],
					Float32Array.from({ length: count * 64 }, (_, j) =>
						Math.sin(j * (i + 1)),
					),
				),
			]),
		);
		const { mixed } = await session.run(inputs);
		await session.release();
		return { first: [...mixed.data.slice(0, 4)], dims: mixed.dims };
	},
	/** Takes away what older browsers do not have. */
	async withoutWritables() {
		Reflect.deleteProperty(FileSystemFileHandle.prototype, "createWritable");
	},
	models: () => listModels(),
	remove: (_, name: string) => removeModel(name),
});
