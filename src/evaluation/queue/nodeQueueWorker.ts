import { DelayedError, type Job, Worker } from "bullmq";
import { encodePng } from "../../image/nodeEncodeImage.js";
import type { Pipeline, PipelineOptions } from "../../pipeline/pipeline.js";
import type { OpenModelOptions } from "../../weights/folder/modelFiles.js";
import type { SettledMethod } from "../methods/methodRun.js";
import { drawEntry, referencesFirst, warmUp } from "../run/drawing.js";
import { openEvaluationPipeline } from "../run/nodeEvaluate.js";
import { thisMachine } from "../run/nodeMachine.js";
import { firstDifference } from "../run/runDefinition.js";
import {
	openScorer,
	type Scorer,
	type ScorerOptions,
} from "../scoring/nodeScorer.js";
import {
	connectQueue,
	KINDS,
	queueName,
	type WorkerKind,
} from "./nodeQueueConnection.js";
import { jobSchema, type QueueJobResult } from "./queueJob.js";

export interface QueueWorkerRequest {
	readonly url: string;
	readonly model: string;
	readonly modelOptions: PipelineOptions & OpenModelOptions;
	readonly scoring: ScorerOptions;
	/** Seconds after which a worker that is silent is given up. A network call blocks, so it must be longer than one. */
	readonly stalledAfter: number;
	readonly signal: AbortSignal;
	readonly onNote?: (line: string) => void;
}

/**
 * Draws captions of evaluations that come over a queue, until the signal is given. A caption under way is then put back.
 * @throws UserError when the server cannot be reached, or model or judging networks cannot be opened
 */
export async function runQueueWorker(
	request: QueueWorkerRequest,
): Promise<void> {
	const { url, signal, stalledAfter, onNote } = request;
	const connection = await connectQueue(url);
	const { pipeline, hashes } = await openEvaluationPipeline(
		request.model,
		request.modelOptions,
	);
	const scorer = await openScorer(request.scoring);
	const kind: WorkerKind = { model: hashes, scoring: scorer.description };
	const name = queueName(kind);
	for (const [other, text] of Object.entries(await connection.hgetall(KINDS))) {
		if (other === name) continue;
		const difference = firstDifference(kind, JSON.parse(text));
		if (difference)
			onNote?.(
				`there are evaluations of another kind, which this worker leaves alone: their ${difference.path} is ${JSON.stringify(difference.values[1])}, here it is ${JSON.stringify(difference.values[0])}`,
			);
	}
	const process = processor(request, pipeline, scorer);
	const worker = new Worker(name, process, {
		connection,
		concurrency: 1,
		lockDuration: stalledAfter * 1000,
		stalledInterval: Math.max(500, stalledAfter * 500),
		// dying is no fault of the caption
		maxStalledCount: 1_000_000,
	});
	worker.on("error", (error) => onNote?.(error.message));
	worker.on("failed", (_, error) => onNote?.(error.message));
	onNote?.(`queue ${name}: ready`);
	await new Promise<void>((resolve) => {
		if (signal.aborted) resolve();
		else signal.addEventListener("abort", () => resolve(), { once: true });
	});
	await worker.close();
	connection.disconnect();
	await pipeline.release();
	await scorer.release();
}

function processor(
	{ modelOptions, signal }: QueueWorkerRequest,
	pipeline: Pipeline,
	scorer: Scorer,
): (job: Job, token?: string) => Promise<QueueJobResult> {
	const machine = thisMachine(modelOptions);
	const warm = new Set<string>();
	return async (job, token) => {
		const { methods, missing, common, index, entry, keepImage } =
			jobSchema.parse(job.data);
		const tools = {
			pipeline,
			scorer,
			common,
			machine: machine.id,
			signal,
		};
		const all = referencesFirst(methods as SettledMethod[]);
		const wanted = all.filter(({ name }) => missing.includes(name));
		try {
			const cold = wanted.filter(({ name }) => !warm.has(name));
			await warmUp(tools, cold);
			for (const { name } of cold) warm.add(name);
			const images: QueueJobResult["images"] = [];
			for await (const drawn of drawEntry(tools, entry, index, wanted, all)) {
				const { record, features } = drawn;
				images.push({
					record,
					features: Buffer.from(
						features.buffer,
						features.byteOffset,
						features.byteLength,
					).toString("base64"),
					...(keepImage
						? {
								png: Buffer.from(await encodePng(drawn.image)).toString(
									"base64",
								),
							}
						: {}),
				});
				// between images the lock is renewed: a network call blocks its timer
				await new Promise((resolve) => setImmediate(resolve));
			}
			return { machine, images };
		} catch (error) {
			if (!signal.aborted) throw error;
			// put back, not failed
			await job.moveToDelayed(Date.now(), token);
			throw new DelayedError();
		}
	};
}
