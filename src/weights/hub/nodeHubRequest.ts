import { setTimeout as delay } from "node:timers/promises";
import { UserError } from "../../errors/userError.js";
import type { HubSettings } from "./nodeHubCache.js";

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

/** How requests are made and repeated. */
export interface RequestOptions {
	readonly settings: HubSettings;
	readonly signal?: AbortSignal;
	/** Milliseconds before the first repetition (500); each further one waits twice as long. */
	readonly retryDelay?: number;
}

/** An answer, and what the Hub itself said on the way to it (before redirects to a content network). */
export interface HubResponse {
	readonly response: Response;
	/** ETag of the file: X-Linked-Etag, else the Hub's own ETag; without quotes. */
	readonly etag: string | undefined;
	/** X-Repo-Commit */
	readonly commit: string | undefined;
}

const maxRedirects = 8;
const maxTries = 5;
/** Longest wait that a server's Retry-After may ask for. */
const maxRetryAfterSeconds = 60;

/**
 * One request to the Hub. Redirects are followed by hand, so that the token goes to the Hub's own origin only.
 * @param path begins with a slash, already encoded.
 * @throws TransientError for faults that may pass, UserError for answers that will stay (401, 403, 404, …); with an aborted
 * signal, its reason.
 */
export async function hubRequest(
	path: string,
	what: string,
	{ settings, signal }: RequestOptions,
	headers: Readonly<Record<string, string>> = {},
	method: "GET" | "HEAD" = "GET",
): Promise<HubResponse> {
	const home = new URL(settings.endpoint);
	let url = new URL(settings.endpoint + path);
	let linkedEtag: string | undefined;
	let etag: string | undefined;
	let commit: string | undefined;
	for (let hop = 0; hop <= maxRedirects; hop++) {
		const atHome = url.origin === home.origin;
		const response = await fetch(url, {
			method,
			redirect: "manual",
			...(signal ? { signal } : {}),
			headers: {
				...headers,
				"user-agent": "faster-diffusion",
				// Ranges and lengths are those of the file itself.
				"accept-encoding": "identity",
				...(atHome && settings.token
					? { authorization: `Bearer ${settings.token}` }
					: {}),
			},
		}).catch((error: unknown) => {
			signal?.throwIfAborted();
			throw networkError(error, url);
		});
		if (atHome) {
			linkedEtag ??= plainEtag(response.headers.get("x-linked-etag"));
			commit ??= response.headers.get("x-repo-commit") ?? undefined;
			if (response.status < 300) etag = plainEtag(response.headers.get("etag"));
		}
		const location = response.headers.get("location");
		if (response.status >= 300 && response.status < 400 && location) {
			await response.body?.cancel();
			const next = URL.canParse(location, url.href)
				? new URL(location, url)
				: undefined;
			const secure = home.protocol === "https:";
			if (!next || !(secure ? /^https:$/ : /^https?:$/).test(next.protocol))
				throw new UserError(
					`${what}: ${url.host} redirects to an address that is not allowed`,
				);
			url = next;
			continue;
		}
		if (response.ok || response.status === 416)
			return { response, etag: linkedEtag ?? etag, commit };
		await response.body?.cancel();
		throw statusError(response, what, settings);
	}
	throw new UserError(`${what}: ${home.host} redirects without end`);
}

/**
 * Repeats `attempt` after faults that may pass, with growing waits. `progressed` tells whether the last attempt came further
 * than those before; then counting starts again.
 * @throws UserError when it gives up; whatever else `attempt` throws.
 */
export async function withRetries<T>(
	what: string,
	{ signal, retryDelay = 500 }: RequestOptions,
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
			if (tries >= (error.unreachable ? 2 : maxTries))
				throw new UserError(
					`${what} cannot be downloaded: ${error.message}${error.unreachable ? " (no network? models in the cache work without)" : `, ${tries} times; what has come is kept, run it again to go on`}`,
					{ cause: error },
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
export function networkError(error: unknown, url: URL): TransientError {
	const cause = (error as { cause?: unknown }).cause ?? error;
	const { code, message } = cause as NodeJS.ErrnoException;
	const unreachable =
		/^(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH|EHOSTUNREACH)$/.test(
			code ?? "",
		);
	return new TransientError(
		unreachable
			? `${url.host} cannot be reached (${code})`
			: `the connection to ${url.host} broke (${code ?? message})`,
		{ cause: error, unreachable },
	);
}

function plainEtag(value: string | null): string | undefined {
	return value?.replace(/^W\//, "").replace(/^"(.*)"$/, "$1") || undefined;
}

function statusError(
	response: Response,
	what: string,
	settings: HubSettings,
): Error {
	const { status, headers } = response;
	const { host } = new URL(settings.endpoint);
	const code = headers.get("x-error-code") ?? "";
	if (status === 408 || status === 429 || status >= 500) {
		const seconds = Number(headers.get("retry-after") ?? "");
		return new TransientError(
			status === 429
				? `${host} takes no more requests for now (429)`
				: `${host} answers ${status}`,
			seconds > 0 ? { retryAfterSeconds: seconds } : {},
		);
	}
	const repo = what.split(":", 1)[0];
	if (code === "GatedRepo" || status === 403)
		return new UserError(
			`${what} is gated or closed to you (${status}): accept its terms at ${settings.endpoint}/${repo} and ${settings.token ? "check that your token may read it" : "give your access token (HF_TOKEN, or hf auth login)"}`,
		);
	if (status === 401)
		return new UserError(
			settings.token
				? `${what}: ${host} does not accept your token for it (401): check HF_TOKEN and the id`
				: `${what}: there is no such model at ${host}, or it is private (401): check the id, or give your access token (HF_TOKEN, or hf auth login)`,
		);
	if (status === 404)
		return new UserError(
			code === "RevisionNotFound"
				? `${what}: it has no such revision (404)`
				: code === "EntryNotFound"
					? `${what}: it has no such file (404)`
					: `${what}: there is no such model at ${host} (404), nor a folder or file of that name here`,
		);
	return new UserError(`${what}: ${host} answers ${status}`);
}
