import { setTimeout as delay } from "node:timers/promises";
import { UserError } from "../errors/userError.js";

/** A fault that may pass: the network, a server that is busy, a connection that was cut. */
export class TransientError extends Error {
	override readonly name = "TransientError";
	constructor(
		message: string,
		options: ErrorOptions & {
			/** What the server asked to wait. */
			readonly retryAfterSeconds?: number;
			/** Worth one more try only: the server cannot be found at all. */
			readonly unreachable?: boolean;
		} = {},
	) {
		super(message, options);
		this.retryAfterSeconds = options.retryAfterSeconds;
		this.unreachable = options.unreachable ?? false;
	}
	readonly retryAfterSeconds: number | undefined;
	readonly unreachable: boolean;
}

/** How often and after which waits something is tried again. */
export interface RetryOptions {
	readonly signal?: AbortSignal;
	/** Milliseconds before the first repetition (500); each further one waits twice as long. */
	readonly retryDelay?: number;
	/** Repetitions without getting further before it is given up (4). */
	readonly retries?: number;
}

/** Longest wait that a server's Retry-After may ask for. */
const maxRetryAfterSeconds = 60;

/**
 * Repeats `attempt` after faults that may pass, with growing waits. `progressed` tells whether the last attempt came further
 * than those before; then counting starts again.
 * @throws UserError when it gives up; whatever else `attempt` throws.
 */
export async function withRetries<T>(
	what: string,
	{ signal, retryDelay = 500, retries = 4 }: RetryOptions,
	attempt: () => Promise<T>,
	progressed: () => boolean = () => false,
): Promise<T> {
	for (let tries = 1; ; tries++) {
		signal?.throwIfAborted();
		try {
			return await attempt();
		} catch (error) {
			if (!(error instanceof TransientError)) throw error;
			if (progressed()) tries = 1;
			if (tries > (error.unreachable ? Math.min(1, retries) : retries))
				throw new UserError(
					`${what} cannot be downloaded: ${error.message}${error.unreachable ? " (no network? what was downloaded before works without)" : `, ${tries} times; what has come is kept, run it again to go on`}`,
					{ cause: error, code: "network" },
				);
			const wait = error.retryAfterSeconds
				? Math.min(error.retryAfterSeconds, maxRetryAfterSeconds) * 1000
				: retryDelay * 2 ** (tries - 1);
			await delay(wait, undefined, signal ? { signal } : {}).catch(() =>
				signal?.throwIfAborted(),
			);
		}
	}
}

/** A fetch that failed before or while its answer came, in words. */
export function networkError(error: unknown, host: string): TransientError {
	const cause = (error as { cause?: unknown }).cause ?? error;
	const { code, message } = cause as NodeJS.ErrnoException;
	const unreachable =
		/^(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH|EHOSTUNREACH)$/.test(
			code ?? "",
		);
	return new TransientError(
		unreachable
			? `${host} cannot be reached (${code})`
			: `the connection to ${host} broke (${code ?? message})`,
		{ cause: error, unreachable },
	);
}
