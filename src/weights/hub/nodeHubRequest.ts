import { UserError } from "../../errors/userError.js";
import {
	networkError,
	type RetryOptions,
	TransientError,
} from "../../files/nodeRetries.js";
import type { HubSettings } from "./nodeHubCache.js";

/** How requests are made and repeated. */
export interface RequestOptions extends RetryOptions {
	readonly settings: HubSettings;
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
			throw networkError(error, url.host);
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
