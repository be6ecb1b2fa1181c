import type { Job } from "bullmq";
import { neededPackage } from "../../errors/neededPackage.js";
import { encodeImage } from "../../image/nodeEncodeImage.js";
import type { LoadOptions } from "../../pipeline/nodeLoadPipeline.js";
import type { Pipeline } from "../../pipeline/pipeline.js";
import { connectQueue } from "../../queue/nodeConnectQueue.js";
import { putBack, workQueue } from "../../queue/nodeWorkQueue.js";
import { openTogether } from "../../runtime/openTogether.js";
import type { SettledMethod } from "../methods/methodRun.js";
import { drawEntry, referencesFirst, warmUp } from "../run/nodeDrawing.js";
import { thisMachine } from "../run/nodeMachine.js";
import { openEvaluationPipeline } from "../run/nodePrepareRun.js";
import { firstDifference } from "../run/runDefinition.js";
import {
	openScorer,
	type Scorer,
	type ScorerOptions,
} from "../scoring/nodeScorer.js";
import {
	KINDS,
	parseKind,
	queueName,
	type WorkerKind,
} from "./nodeWorkerKind.js";
import { issueLine, jobSchema, type QueueJobResult } from "./queueJob.js";

export interface QueueWorkerRequest {
	readonly url: string;
	/** The embedded model by default. */
	readonly model: string | undefined;
	readonly modelOptions: LoadOptions;
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
	const bullmq = await neededPackage("bullmq ioredis", () => import("bullmq"));
	const opened = await openTogether(async (keep) => {
		const connection = await connectQueue(url, signal);
		keep({ release: () => connection.disconnect() });
		const { pipeline, hashes } = await openEvaluationPipeline(request.model, {
			...request.modelOptions,
			signal,
		});
		keep(pipeline);
		const scorer = keep(await openScorer({ ...request.scoring, signal }));
		return { connection, pipeline, hashes, scorer };
	});
	try {
		signal.throwIfAborted();
		const { connection, pipeline, hashes, scorer } = opened;
		const kind: WorkerKind = { model: hashes, scoring: scorer.description };
		const name = queueName(kind);
		const kinds = Object.entries(await connection.hgetall(KINDS));
		for (const [other, text] of kinds) {
			if (other === name) continue;
			const theirs = parseKind(text);
			const difference = theirs && firstDifference(kind, theirs);
			if (!theirs)
				onNote?.(`${KINDS} in Redis: ${other} holds no kind; left alone`);
			else if (difference)
				onNote?.(
					`there are evaluations of another kind, which this worker leaves alone: their ${difference.path} is ${JSON.stringify(difference.values[1])}, here it is ${JSON.stringify(difference.values[0])}`,
				);
		}
		await workQueue(bullmq, {
			connection,
			name,
			work: processor(bullmq, request, pipeline, scorer),
			stalledAfter,
			// dying is no fault of the caption
			mostStalls: 1_000_000,
			signal,
			onNote,
		});
	} finally {
		await opened.release();
	}
}

function processor(
	bullmq: typeof import("bullmq"),
	{ modelOptions, signal }: QueueWorkerRequest,
	pipeline: Pipeline,
	scorer: Scorer,
): (job: Job, token?: string) => Promise<QueueJobResult> {
	const machine = thisMachine(modelOptions, pipeline);
	const warm = new Set<string>();
	return async (job, token) => {
		const parsed = jobSchema.safeParse(job.data);
		if (!parsed.success)
			throw new bullmq.UnrecoverableError(
				`a job that is none of this program's version: ${issueLine(parsed.error)}`,
			);
		const { methods, missing, common, index, entry, keepImage } = parsed.data;
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
								png: Buffer.from(
									await encodeImage(drawn.image, "png"),
								).toString("base64"),
							}
						: {}),
				});
				// between images the lock is renewed: a network call blocks its timer
				await new Promise((resolve) => setImmediate(resolve));
			}
			return { machine, images };
		} catch (error) {
			if (!signal.aborted) throw error;
			return putBack(bullmq, job, token);
		}
	};
}
