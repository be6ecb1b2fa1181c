import type { Redis } from "ioredis";
import { neededPackage } from "../errors/neededPackage.js";
import { OptionError } from "../errors/optionError.js";
import { UserError } from "../errors/userError.js";

/** Milliseconds between two attempts to reach a server that was there. */
const LONGEST_WAIT = 2000;

/**
 * Connects to a Redis or Valkey server; a connection that breaks later is taken up again, until the signal is given.
 * @throws UserError when the address is none or nobody answers there
 */
export async function connectQueue(
	url: string,
	signal?: AbortSignal,
): Promise<Redis> {
	if (!/^(rediss?|unix):\/\//.test(url) || !URL.canParse(url))
		throw new OptionError(
			"queue",
			"the address of a Redis or Valkey server is redis://HOST:PORT or rediss://USER:PASSWORD@HOST:PORT",
		);
	// without the password
	const shown = new URL(url).host;
	const ioredis = await neededPackage(
		"bullmq ioredis",
		() => import("ioredis"),
	);
	const connection = new ioredis.Redis(url, {
		maxRetriesPerRequest: null,
		lazyConnect: true,
		// what bullmq makes of this connection does so too: a server that is gone keeps no process that was told to end
		retryStrategy: (times) =>
			signal?.aborted ? null : Math.min(50 * times, LONGEST_WAIT),
	});
	let reason = "no answer";
	connection.on("error", (error: Error) => {
		reason = error.message;
	});
	try {
		await connection.connect();
	} catch {
		connection.disconnect();
		throw new UserError(
			`no Redis or Valkey server at ${shown} (${reason}); start one, or correct the address`,
		);
	}
	return connection;
}
