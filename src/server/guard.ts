import type { IncomingHttpHeaders } from "node:http";
import { isIPv6 } from "node:net";
import { HttpError } from "./httpError.js";

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

/** Whether an address is reached from this machine only. */
export function isLoopback(host: string): boolean {
	return /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/i.test(host);
}

/**
 * Refuses requests that a page of another origin made a browser send: by DNS rebinding (a `Host` that is none of this server's) or across
 * origins.
 * @param hosts names beside the loopback ones under which the server is called, without ports
 * @throws HttpError 403
 */
export function checkOrigin(
	headers: IncomingHttpHeaders,
	hosts: readonly string[],
): void {
	const host = headers.host ?? "";
	const name = host.replace(/:\d{1,5}$/, "").toLowerCase();
	if (![...LOOPBACK, ...hosts.map(hostName)].includes(name))
		throw new HttpError(
			403,
			"host_not_allowed",
			"this server is not called by this name; whoever runs it can allow it (fdiff serve --allow-host NAME)",
		);
	const { origin } = headers;
	if (
		origin !== undefined &&
		origin !== `http://${host}` &&
		origin !== `https://${host}`
	)
		throw new HttpError(
			403,
			"origin_not_allowed",
			"pages of other origins may not call this server",
		);
	const site = headers["sec-fetch-site"];
	if (
		(site === "cross-site" || site === "same-site") &&
		headers["sec-fetch-mode"] !== "navigate"
	)
		throw new HttpError(
			403,
			"origin_not_allowed",
			"pages of other origins may not call this server",
		);
}

/** A name or address as requests call it: of IPv6 the shortest form, in brackets. */
function hostName(host: string): string {
	const [address] = host.split("%", 1);
	return isIPv6(address)
		? new URL(`http://[${address}]`).hostname
		: host.toLowerCase();
}

/** Headers of every answer. */
export const SECURITY_HEADERS = {
	"content-security-policy":
		"default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
	"x-content-type-options": "nosniff",
	"referrer-policy": "no-referrer",
	"cross-origin-resource-policy": "same-origin",
} as const;
