import type { Redis } from "ioredis";
import { sha256 } from "../../files/nodeSha256.js";
import type { ModelShelf } from "../models.js";
import { PROTOCOL } from "./jobMessage.js";

/** A hash of queue names and the models that they are for, so that a worker that waits in vain can say why. */
const KINDS = "fdiff-serve-kinds";

/**
 * The queue of a server: by its name workers take only what they can draw, which is jobs of servers with the same models under the same
 * names. BullMQ's keys are `bull:NAME:…`.
 */
export function workerQueueName({ models }: ModelShelf): string {
	const kind = models.map(({ name, pipeline }) => [name, pipeline.hash]);
	const hash = sha256(JSON.stringify([PROTOCOL, kind.sort()]));
	return `fdiff-serve-${hash.slice(0, 12)}`;
}

/** Says which models a server's queue is for. */
export async function sayModels(
	connection: Redis,
	shelf: ModelShelf,
): Promise<void> {
	await connection.hset(KINDS, workerQueueName(shelf), modelWords(shelf));
}

/** The models of other servers on the same Redis, in words. */
export async function otherModels(
	connection: Redis,
	shelf: ModelShelf,
): Promise<string[]> {
	const kinds = Object.entries(await connection.hgetall(KINDS));
	const own = workerQueueName(shelf);
	return kinds.filter(([name]) => name !== own).map(([, words]) => words);
}

const modelWords = ({ models }: ModelShelf) =>
	models.map(({ name, pipeline }) => `${name} ${pipeline.hash}`).join(", ");
