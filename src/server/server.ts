import { setTimeout as delay } from "node:timers/promises";
import multipart from "@fastify/multipart";
import fastify, {
	type FastifyInstance,
	type FastifyReply,
	type FastifyRequest,
} from "fastify";
import { addA1111Api } from "./api/a1111.js";
import { a1111Errors } from "./api/a1111Request.js";
import { addNativeApi } from "./api/native.js";
import { addOpenAiApi, openAiErrors } from "./api/openai.js";
import { checkOrigin, SECURITY_HEADERS } from "./guard.js";
import { HttpError, type ToldError, toldError } from "./httpError.js";
import type { Job, Runner } from "./job.js";
import { ownerByKey } from "./keys.js";
import type { ServerLimits } from "./limits.js";
import { serverMetrics } from "./metrics.js";
import type { ModelShelf } from "./models.js";
import { openApi } from "./openApi.js";
import { addPage, pageFiles } from "./pageFiles.js";
import { createQueue, type JobQueue, type QueueOptions } from "./queue.js";

declare module "fastify" {
	interface FastifyRequest {
		/** Whose jobs it sees. */
		owner: string;
	}
}

export interface ServerOptions {
	readonly shelf: ModelShelf;
	readonly runner: Runner;
	readonly lanes: number;
	/** As of `QueueOptions`. */
	readonly elsewhere?: QueueOptions["elsewhere"];
	/** Whether it can draw; what it takes on meanwhile waits. Default: always. */
	readonly ready?: () => boolean;
	readonly limits: ServerLimits;
	/** None: everyone who reaches the server may use it. */
	readonly keys: readonly string[];
	/** Names beside the loopback ones under which it is called. */
	readonly hosts: readonly string[];
	/** Hears of requests, of jobs that ended, and of errors that clients are told nothing of. */
	readonly log?: (entry: Readonly<Record<string, unknown>>) => void;
	/** Whether it hears of prompts. Default: never. */
	readonly logPrompts?: boolean;
}

/** What the APIs work with. */
export interface Service {
	readonly queue: JobQueue;
	readonly shelf: ModelShelf;
	readonly limits: ServerLimits;
}

/** How an API words its errors, for the paths that begin with `prefix`. */
export interface ErrorWording {
	readonly prefix: string;
	readonly body: (error: ToldError) => unknown;
}

/** The first that fits is taken. */
const WORDINGS: readonly ErrorWording[] = [
	openAiErrors,
	a1111Errors,
	{
		prefix: "/",
		body: ({ code, message, option }) => ({ error: { code, message, option } }),
	},
];

/** Answered without a key and under any name: they say nothing. */
const OPEN_PATHS = new Set(["/healthz", "/readyz"]);

/** Milliseconds without a request after which nobody waits for an answer any more, and the most that are waited for it. */
const QUIET = 1_000;
const QUIET_PATIENCE = 5_000;

/** The HTTP server, not yet listening, and its queue. */
export async function createServer(options: ServerOptions): Promise<{
	readonly app: FastifyInstance;
	readonly queue: JobQueue;
	/** Waits, for a moment, until who asked for the last jobs has their images. */
	answered(): Promise<void>;
}> {
	const { shelf, limits, log } = options;
	const ownerOf = ownerByKey(options.keys);
	const metrics = serverMetrics();
	const page = pageFiles();
	const queue = createQueue({
		runner: options.runner,
		lanes: options.lanes,
		elsewhere: options.elsewhere,
		limits,
		onEnd(job) {
			metrics.onEnd(job);
			log?.(endEntry(job, options.logPrompts === true));
		},
		onInternalError: (job, error) =>
			log?.({ event: "error", job: job.id, error: stackOf(error) }),
	});
	metrics.watch(queue);
	const app = fastify({
		bodyLimit: limits.body,
		routerOptions: { maxParamLength: 100 },
		forceCloseConnections: true,
		// slow senders do not hold connections open for ever
		requestTimeout: 120_000,
	});
	app.server.maxConnections = limits.connections;
	// bodies are JSON or forms; a page of another origin can send text without asking
	app.removeContentTypeParser("text/plain");
	// clients call an empty body JSON too where nothing is to be said, as in an interrupt
	const parseJson = app.getDefaultJsonParser("error", "error");
	app.addContentTypeParser<string>(
		"application/json",
		{ parseAs: "string" },
		(request, body, done) => {
			if (body === "") done(null, undefined);
			else void parseJson(request, body, done);
		},
	);
	await app.register(multipart, {
		limits: {
			fileSize: limits.body,
			fieldSize: 2 ** 20,
			files: 4,
			fields: 100,
			parts: 100,
		},
	});
	app.decorateRequest("owner", "");
	/** Answers that are under way, and when the last of them began or ended. */
	const answers = { open: 0, last: Number.NEGATIVE_INFINITY };
	const noteAnswer = (more: 1 | -1) => {
		answers.open += more;
		answers.last = performance.now();
	};

	app.addHook("onRequest", async (request, reply) => {
		reply.headers(SECURITY_HEADERS);
		if (OPEN_PATHS.has(pathOf(request))) return;
		noteAnswer(1);
		reply.raw.once("close", () => noteAnswer(-1));
		checkOrigin(request.headers, options.hosts);
		// the page asks for a key itself
		if (page.has(pathOf(request))) return;
		const owner = ownerOf(request.headers.authorization);
		if (owner === undefined) {
			reply.header("www-authenticate", "Bearer");
			throw new HttpError(
				401,
				"unauthorized",
				"a key is needed: Authorization: Bearer KEY",
			);
		}
		request.owner = owner;
	});
	app.addHook("onResponse", async (request, reply) => {
		const route = request.routeOptions.url ?? "none";
		metrics.onResponse(request.method, route, reply.statusCode);
		log?.({
			event: "request",
			method: request.method,
			route,
			status: reply.statusCode,
			seconds: Math.round(reply.elapsedTime) / 1000,
		});
	});
	app.setErrorHandler((error, request, reply) => {
		const told = toldError(error);
		if (told.internal)
			log?.({
				event: "error",
				method: request.method,
				route: request.routeOptions.url,
				error: stackOf(error),
			});
		return sendError(told, request, reply);
	});
	app.setNotFoundHandler((request, reply) =>
		sendError(
			{ status: 404, code: "not_found", message: "there is nothing here" },
			request,
			reply,
		),
	);

	const service: Service = { queue, shelf, limits };
	addNativeApi(app, service);
	addOpenAiApi(app, service);
	addA1111Api(app, service);
	addPage(app, page);
	app.get("/healthz", async () => ({ status: "ok" }));
	app.get("/readyz", async (_, reply) => {
		const ready = options.ready?.() ?? true;
		return reply.code(ready && !queue.draining ? 200 : 503).send({
			status: queue.draining ? "draining" : ready ? "ready" : "no queue",
		});
	});
	app.get("/metrics", async (_, reply) =>
		reply.type(metrics.contentType).send(await metrics.text()),
	);
	app.get("/openapi.json", async () => openApi());
	return {
		app,
		queue,
		async answered() {
			const end = performance.now() + QUIET_PATIENCE;
			for (;;) {
				const now = performance.now();
				const quiet = answers.open === 0 && now - answers.last > QUIET;
				if (quiet || now > end) return;
				await delay(50);
			}
		},
	};
}

/** What is logged of a job that ended. */
function endEntry(job: Job, withPrompts: boolean) {
	const { id, request, state, createdAt, startedAt, endedAt, error } = job;
	const seconds = (from?: number, to?: number) =>
		from === undefined || to === undefined ? undefined : (to - from) / 1000;
	const { prompt, negativePrompt } = request.options;
	return {
		event: "job",
		job: id,
		model: request.model,
		state,
		images: job.images.length,
		waited: seconds(createdAt, startedAt ?? endedAt),
		ran: seconds(startedAt, endedAt),
		error: error?.code,
		...(withPrompts && { prompt, negativePrompt }),
	};
}

function sendError(
	error: ToldError,
	request: FastifyRequest,
	reply: FastifyReply,
) {
	const path = pathOf(request);
	const { body } =
		WORDINGS.find(({ prefix }) => path.startsWith(prefix)) ??
		WORDINGS[WORDINGS.length - 1];
	if (error.retryAfter !== undefined)
		reply.header("retry-after", String(error.retryAfter));
	return reply.code(error.status).send(body(error));
}

const pathOf = ({ url }: FastifyRequest) => url.split("?", 1)[0];

const stackOf = (error: unknown) =>
	error instanceof Error ? (error.stack ?? error.message) : String(error);
