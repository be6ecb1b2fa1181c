import type { Redis } from "ioredis";
import type * as z from "zod";
import { neededPackage } from "../../errors/neededPackage.js";
import { OptionError } from "../../errors/optionError.js";
import { UserError } from "../../errors/userError.js";
import { sha256 } from "../../files/nodeSha256.js";
import { runDefinitionSchema } from "../run/runDefinition.js";

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

const kindSchema = runDefinitionSchema.pick({ model: true, scoring: true });

/** What a worker must have in common with a run to draw for it. */
export type WorkerKind = z.infer<typeof kindSchema>;

/** A kind as it stands in `KINDS`; undefined where it is none. */
export function parseKind(text: string): WorkerKind | undefined {
	try {
		return kindSchema.safeParse(JSON.parse(text)).data;
	} catch {
		return undefined;
	}
}

/**
 * The queue for workers of a kind: by its name workers take only what they can draw. BullMQ's keys are `bull:NAME:…`.
 */
export function queueName({ model, scoring }: WorkerKind): string {
	return `fdiff-evaluate-${sha256(JSON.stringify({ model, scoring })).slice(0, 12)}`;
}

/** A hash of queue names and the kinds that they are for, so that a worker that waits in vain can say why. */
export const KINDS = "fdiff-evaluate-kinds";
