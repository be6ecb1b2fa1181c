import type { Redis } from "ioredis";
import { type EventMessage, eventMessage } from "./jobMessage.js";

/** Seconds that a preview waits to be read. */
const PREVIEW_SECONDS = 120;

const PREFIX = "fdiff-serve";
/** Channel on which the ids of jobs are said of which something new stands on the board. */
const NEWS = `${PREFIX}:news`;
/** Channel on which the ids of jobs are said that have been ended from outside. */
const STOP = `${PREFIX}:stop`;
const ENDED = "ended";

/**
 * Who holds a job may write about it, and nobody else: a worker that was thought dead and is not, or one whose job is cancelled, writes in
 * vain. Of those who would end a job only one does.
 */
const SCRIPTS = {
	claim: `if redis.call('GET', KEYS[1]) == '${ENDED}' then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 1`,
	tell: `if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if KEYS[3] then redis.call('SET', KEYS[3], ARGV[5], 'EX', ARGV[6]) end
redis.call('RPUSH', KEYS[2], ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[2])
redis.call('EXPIRE', KEYS[2], ARGV[2])
redis.call('PUBLISH', '${NEWS}', ARGV[3])
return 1`,
	end: `local holder = redis.call('GET', KEYS[1])
if holder == '${ENDED}' or (ARGV[1] ~= '' and holder ~= ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], '${ENDED}', 'EX', ARGV[2])
redis.call('RPUSH', KEYS[2], ARGV[4])
redis.call('EXPIRE', KEYS[2], ARGV[2])
redis.call('PUBLISH', '${NEWS}', ARGV[3])
if ARGV[1] == '' then redis.call('PUBLISH', '${STOP}', ARGV[3]) end
return 1`,
} as const;

/** A worker's attempt at a job. */
export interface Attempt {
	readonly id: string;
	/** Unlike that of every other attempt. */
	readonly token: string;
	/** Seconds that what it says is kept. */
	readonly keep: number;
}

/** What is told of jobs, in Redis: a list of events each, and its pictures. */
export interface JobBoard {
	/** Takes a job over from whoever had it. False: it has ended. */
	claim(attempt: Attempt): Promise<boolean>;
	/** False: the job is another's now, or has ended; nothing is told. */
	tell(
		attempt: Attempt,
		event: EventMessage,
		picture?: { readonly key: string; readonly bytes: Uint8Array },
	): Promise<boolean>;
	/** Ends a job as its holder, or from outside without a token. False: it is another's, or has ended before. */
	end(
		attempt: Omit<Attempt, "token"> & { readonly token?: string },
		event: EventMessage,
	): Promise<boolean>;
	hasEnded(id: string): Promise<boolean>;
	/** The events of a job after the first `known`. */
	read(id: string, known: number): Promise<EventMessage[]>;
	picture(key: string): Promise<Uint8Array | undefined>;
	/** Deletes what was told of a job. */
	forget(id: string): Promise<void>;
	/** Hears of jobs: that there is news of one, or that one was ended from outside. Until it is closed. */
	listen(
		what: "news" | "stop",
		heard: (id: string) => void,
	): Promise<() => void>;
}

const holderKey = (id: string) => `${PREFIX}:${id}:holder`;
const eventsKey = (id: string) => `${PREFIX}:${id}:events`;
/** The key of an image. */
export const imageKey = (id: string, index: number): string =>
	`${PREFIX}:${id}:image:${index}`;
/** The key of what a step predicted. */
export const previewKey = (id: string, image: number, step: number): string =>
	`${PREFIX}:${id}:preview:${image}:${step}`;

/** The board on a Redis or Valkey server. */
export function jobBoard(connection: Redis): JobBoard {
	const run = async (
		script: keyof typeof SCRIPTS,
		keys: readonly string[],
		words: readonly (string | number | Buffer)[],
	) =>
		(await connection.eval(SCRIPTS[script], keys.length, ...keys, ...words)) ===
		1;
	const read = async (id: string, known: number) => {
		const texts = await connection.lrange(eventsKey(id), known, -1);
		return texts.map(eventOf);
	};
	return {
		claim: ({ id, token, keep }) =>
			run("claim", [holderKey(id)], [token, seconds(keep)]),
		tell: ({ id, token, keep }, event, picture) =>
			run(
				"tell",
				[holderKey(id), eventsKey(id), ...(picture ? [picture.key] : [])],
				[
					token,
					seconds(keep),
					id,
					JSON.stringify(event),
					...(picture
						? [
								Buffer.from(picture.bytes),
								event.type === "step"
									? Math.min(PREVIEW_SECONDS, seconds(keep))
									: seconds(keep),
							]
						: []),
				],
			),
		end: ({ id, token = "", keep }, event) =>
			run(
				"end",
				[holderKey(id), eventsKey(id)],
				[token, seconds(keep), id, JSON.stringify(event)],
			),
		hasEnded: async (id) => (await connection.get(holderKey(id))) === ENDED,
		read,
		async picture(key) {
			const bytes = await connection.getBuffer(key);
			return bytes ? new Uint8Array(bytes) : undefined;
		},
		async forget(id) {
			const images = (await read(id, 0)).flatMap((event) =>
				event.type === "image" ? [imageKey(id, event.index)] : [],
			);
			// who holds it stays: a worker that is late is still told that it is over
			await connection.del(eventsKey(id), ...images);
		},
		async listen(what, heard) {
			const subscriber = connection.duplicate();
			subscriber.on("error", () => {});
			subscriber.on("message", (_, id) => heard(id));
			await subscriber.subscribe(what === "news" ? NEWS : STOP);
			return () => subscriber.disconnect();
		},
	};
}

/** What is none of ours is an end: nothing after it could be understood. */
function eventOf(text: string): EventMessage {
	try {
		const parsed = eventMessage.safeParse(JSON.parse(text));
		if (parsed.success) return parsed.data;
	} catch {
		// no JSON
	}
	return {
		type: "failed",
		error: {
			status: 500,
			code: "internal_error",
			message: "a worker said something that this server does not understand",
			internal: true,
		},
	};
}

/** Whole seconds, as Redis counts. */
const seconds = (keep: number) => Math.max(1, Math.ceil(keep));
