import { OptionError } from "../../../src/errors/optionError.js";
import { UserError } from "../../../src/errors/userError.js";
import { parametersOf } from "../../../src/image/pictureParameters.js";
import { optionsFromParameters } from "../../../src/pipeline/imageParameters.js";
import {
	optionNote,
	requestSchema,
	SERVED_OPTIONS,
} from "../../../src/pipeline/optionForm.js";
import type { GenerateOptions } from "../../../src/pipeline/options.js";
import type { Pipeline } from "../../../src/pipeline/pipeline.js";
import { runOutline } from "../../../src/pipeline/runOutline.js";
import { loadPipeline } from "../../../src/pipeline/webLoadPipeline.js";
import type { PictureOptions } from "../pictureSource.js";
import { checkGiven, checkPixels, LIMITS } from "./drawLimits.js";
import { drawRun } from "./drawRun.js";
import { pictureOf } from "./givenPicture.js";
import type {
	PlainError,
	PlainEvent,
	WorkerCall,
	WorkerCalls,
	WorkerReply,
	WorkerRequest,
} from "./workerMessages.js";

let loaded: Promise<Pipeline> | undefined;

/** The model that the site has. */
function pipeline(): Promise<Pipeline> {
	loaded ??= loadPipeline(undefined, { device: "wasm" });
	loaded.catch(() => {
		loaded = undefined;
	});
	return loaded;
}

/** Runs that wait or are drawn, in their order. */
const runs = new Map<number, AbortController>();
let last: Promise<unknown> = Promise.resolve();

const answers: {
	[Call in WorkerCall]: (
		ask: WorkerCalls[Call]["ask"],
	) => Promise<WorkerCalls[Call]["answer"]>;
} = {
	async capabilities() {
		const model = await pipeline();
		const { options } = model.settings({ prompt: "" });
		const { seed: _, prompt: _prompt, ...defaults } = options;
		return {
			models: [
				{ name: MODEL_NAME, hash: model.hash, controlNets: 0, defaults },
			],
			options: SERVED_OPTIONS.map(optionNote),
			schema:
				requestSchema() as WorkerCalls["capabilities"]["answer"]["schema"],
			limits: LIMITS,
		};
	},
	async outline({ options }) {
		const model = await pipeline();
		const given = await readOptions({ prompt: "", ...options });
		const settings = model.settings(given);
		checkPixels(settings.options);
		return runOutline(model, given, settings);
	},
	async parameters({ file }) {
		const text = await parametersOf(
			new Uint8Array(await file.arrayBuffer()),
			"the picture",
		);
		if (text === undefined)
			throw new UserError("the picture carries no settings", {
				code: "invalid_input",
			});
		const { options, model, modelHash, warnings } = optionsFromParameters(text);
		return { text, options: { ...options }, model, modelHash, warnings };
	},
	async draw({ run, options, previewEvery }) {
		const abort = new AbortController();
		const tell = (event: PlainEvent) => post({ run, event });
		if (runs.size > 0) tell({ type: "queued", position: runs.size });
		runs.set(run, abort);
		const mine = last.then(async () => {
			try {
				abort.signal.throwIfAborted();
				const given = await readOptions(options);
				const model = await pipeline();
				checkPixels(model.settings(given).options);
				for await (const event of drawRun(model, MODEL_NAME, {
					...given,
					previewEvery,
					signal: abort.signal,
				}))
					tell(event);
			} catch (error) {
				tell(
					abort.signal.aborted
						? { type: "cancelled" }
						: { type: "failed", error: plainError(error) },
				);
			} finally {
				runs.delete(run);
			}
		});
		last = mine;
		await mine;
		return undefined;
	},
	async cancel({ run }) {
		runs.get(run)?.abort();
		return undefined;
	},
};

/** What the site calls its model. */
const MODEL_NAME = "emoji";

/** Options with their pictures decoded. @throws OptionError */
async function readOptions({
	model: _,
	...options
}: PictureOptions): Promise<GenerateOptions> {
	const read: Record<string, unknown> = {};
	for (const [name, value] of Object.entries(options)) {
		if (value === undefined || value === null) continue;
		if (!SERVED_OPTIONS.includes(name))
			throw new OptionError(name, "there is no such option here");
		read[name] = optionNote(name).picture
			? await pictureOf(name, value)
			: value;
	}
	checkGiven(read);
	return read as unknown as GenerateOptions;
}

function plainError(error: unknown): PlainError {
	if (error instanceof OptionError)
		return { message: error.message, code: error.code, option: error.option };
	if (error instanceof UserError)
		return { message: error.message, code: error.code };
	return { message: String(error), code: "internal_error" };
}

function post(message: WorkerReply): void {
	postMessage(message);
}

addEventListener("message", async ({ data }: MessageEvent<WorkerRequest>) => {
	const { id, call, ask } = data;
	try {
		post({ id, answer: await answers[call](ask as never) });
	} catch (error) {
		post({ id, error: plainError(error) });
	}
});
