import { afterAll } from "vitest";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import type { Pipeline } from "../../src/pipeline/pipeline.js";
import { drawLocally } from "../../src/server/drawLocally.js";
import type { JobRequest, Runner } from "../../src/server/job.js";
import { DEFAULT_LIMITS, type ServerLimits } from "../../src/server/limits.js";
import { modelShelf } from "../../src/server/models.js";
import { createServer } from "../../src/server/server.js";
import { openWorkerQueue } from "../../src/server/workers/drawByWorkers.js";
import { tinySd } from "../cli/runProgram.js";

export const MODEL = "tiny";

/** A server on a free port, with a tiny model, gone after the tests of the file. */
export async function startServer({
	limits = {},
	keys = [],
	hosts = [],
	runner,
	queueUrl,
	logPrompts,
	batch = 1,
	embedded = false,
	pipeline: own,
}: {
	readonly limits?: Partial<ServerLimits>;
	readonly keys?: readonly string[];
	readonly hosts?: readonly string[];
	readonly runner?: Runner;
	/** A Redis server over which workers draw. */
	readonly queueUrl?: string;
	readonly logPrompts?: boolean;
	/** Jobs that are drawn together. */
	readonly batch?: number;
	/** Whether it has the embedded model in place of the tiny one. */
	readonly embedded?: boolean;
	/** One that several servers share, of the tiny model. */
	readonly pipeline?: Pipeline;
} = {}) {
	const pipeline =
		own ??
		(await loadPipeline(embedded ? undefined : tinySd, {
			threads: 1,
			shareCalls: batch > 1,
		}));
	const shelf = modelShelf([{ name: MODEL, pipeline }], 2 ** 30);
	const logged: Readonly<Record<string, unknown>>[] = [];
	const allLimits = { ...DEFAULT_LIMITS, ...limits };
	const workers =
		queueUrl === undefined
			? undefined
			: await openWorkerQueue(queueUrl, shelf, allLimits);
	const draw = workers?.runner ?? runner ?? drawLocally(shelf);
	/** What was drawn, with the pictures that it began with: ended jobs have none. */
	const requests: JobRequest[] = [];
	const { app, queue } = await createServer({
		shelf,
		runner(job, ...told) {
			requests.push(job.request);
			return draw(job, ...told);
		},
		lanes: workers ? Number.POSITIVE_INFINITY : batch,
		elsewhere: workers?.elsewhere,
		ready: workers?.ready,
		limits: allLimits,
		keys,
		hosts,
		log: (entry) => logged.push(entry),
		logPrompts,
	});
	await Promise.all(((await workers?.known()) ?? []).map(queue.resume));
	const url = await app.listen({ host: "127.0.0.1", port: 0 });
	const close = async () => {
		await queue.drain(0);
		await app.close();
		await workers?.close();
		if (!own) await pipeline.release();
	};
	afterAll(close);

	const call = async (
		method: string,
		path: string,
		body?: unknown,
		headers: Readonly<Record<string, string>> = {},
	) => {
		const response = await fetch(`${url}${path}`, {
			method,
			headers: {
				...(body !== undefined && { "content-type": "application/json" }),
				...headers,
			},
			body: body === undefined ? undefined : JSON.stringify(body),
		});
		const text = await response.text();
		const json = /json/.test(response.headers.get("content-type") ?? "")
			? JSON.parse(text)
			: undefined;
		return { status: response.status, headers: response.headers, text, json };
	};

	return {
		app,
		close,
		queue,
		requests,
		url,
		pipeline,
		logged,
		call,
		get: (path: string, headers?: Readonly<Record<string, string>>) =>
			call("GET", path, undefined, headers),
		post: (
			path: string,
			body?: unknown,
			headers?: Readonly<Record<string, string>>,
		) => call("POST", path, body, headers),
		/** The events of a job to its end, or until `enough` says so. */
		async events(
			id: string,
			enough: (event: ServerEvent) => boolean = () => false,
			headers: Readonly<Record<string, string>> = {},
		): Promise<ServerEvent[]> {
			const response = await fetch(`${url}/api/jobs/${id}/events`, { headers });
			const found: ServerEvent[] = [];
			for await (const event of eventsOf(response)) {
				found.push(event);
				if (enough(event)) break;
			}
			return found;
		},
	};
}

export interface ServerEvent {
	readonly id?: string;
	readonly event?: string;
	// biome-ignore lint/suspicious/noExplicitAny: each event has data of its own
	readonly data: any;
}

/** The server-sent events of an answer. */
export async function* eventsOf(
	response: Response,
): AsyncGenerator<ServerEvent> {
	if (!response.body) throw new Error("the answer has no body");
	let text = "";
	const decoder = new TextDecoder();
	for await (const chunk of response.body) {
		text += decoder.decode(chunk, { stream: true });
		const blocks = text.split("\n\n");
		text = blocks.pop() ?? "";
		for (const block of blocks) {
			const fields = Object.fromEntries(
				block.split("\n").map((line) => {
					const colon = line.indexOf(": ");
					return [line.slice(0, colon), line.slice(colon + 2)];
				}),
			);
			if (fields.data)
				yield {
					id: fields.id,
					event: fields.event,
					data:
						fields.data === "[DONE]" ? fields.data : JSON.parse(fields.data),
				};
		}
	}
}

/** A run that takes a moment. */
export const quick = {
	prompt: "a red apple",
	width: 64,
	height: 64,
	steps: 3,
	seed: 5,
} as const;

/** A run that goes on until it is cancelled. */
export const long = { ...quick, steps: 150, numImages: 10 } as const;
