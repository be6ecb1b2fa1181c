import type { Redis } from "ioredis";
import { neededPackage } from "../errors/neededPackage.js";
import { OptionError } from "../errors/optionError.js";
import { UserError } from "../errors/userError.js";

/**
 * Connects to a Redis or Valkey server; a connection that breaks later is taken up again.
 * @throws UserError when the address is none or nobody answers there
 */
export async function connectQueue(url: string): Promise<Redis> {
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
