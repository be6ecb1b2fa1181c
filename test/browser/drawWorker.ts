import { openWebEngine } from "../../src/runtime/web/webEngine.js";
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
		const [{ image, initialNoise }] = await pipeline.generate(options);
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
	models: () => listModels(),
	remove: (_, name: string) => removeModel(name),
});
