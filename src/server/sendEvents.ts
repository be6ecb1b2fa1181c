import { once } from "node:events";
import type { FastifyReply } from "fastify";

/** A server-sent event. */
export interface SentEvent {
	readonly id?: number;
	readonly event?: string;
	readonly data: unknown;
}

/** Comments keep proxies from closing a connection on which nothing happens. */
const HEARTBEAT_MS = 15_000;

/**
 * Answers with server-sent events, until there are no more or the client is gone. `events` is handed a signal that is aborted when it
 * goes; what it listens to goes on.
 */
export async function sendEvents(
	reply: FastifyReply,
	events: (signal: AbortSignal) => AsyncIterable<SentEvent>,
): Promise<void> {
	reply.hijack();
	const { raw } = reply;
	const gone = new AbortController();
	raw.on("close", () => gone.abort());
	raw.on("error", () => gone.abort());
	// gone before it came to this: a picture was read meanwhile
	if (raw.destroyed) gone.abort();
	raw.writeHead(200, {
		...(reply.getHeaders() as Record<string, string>),
		"content-type": "text/event-stream; charset=utf-8",
		"cache-control": "no-store",
		// nginx would collect them
		"x-accel-buffering": "no",
	});
	const heartbeat = setInterval(() => raw.write(": \n\n"), HEARTBEAT_MS);
	try {
		for await (const { id, event, data } of events(gone.signal)) {
			const text = `${id === undefined ? "" : `id: ${id}\n`}${event === undefined ? "" : `event: ${event}\n`}data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`;
			if (!raw.write(text))
				await once(raw, "drain", { signal: gone.signal }).catch(
					() => undefined,
				);
			if (gone.signal.aborted) return;
		}
	} finally {
		clearInterval(heartbeat);
		raw.end();
	}
}
