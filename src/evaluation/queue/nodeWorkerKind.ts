import type * as z from "zod";
import { sha256 } from "../../files/nodeSha256.js";
import { parsedJson } from "../../files/parsedJson.js";
import { runDefinitionSchema } from "../run/runDefinition.js";

const kindSchema = runDefinitionSchema.pick({ model: true, scoring: true });

/** What a worker must have in common with a run to draw for it. */
export type WorkerKind = z.infer<typeof kindSchema>;

/** A kind as it stands in `KINDS`; undefined where it is none. */
export function parseKind(text: string): WorkerKind | undefined {
	return kindSchema.safeParse(parsedJson(text)).data;
}

/**
 * The queue for workers of a kind: by its name workers take only what they can draw. BullMQ's keys are `bull:NAME:…`.
 */
export function queueName({ model, scoring }: WorkerKind): string {
	return `fdiff-evaluate-${sha256(JSON.stringify({ model, scoring })).slice(0, 12)}`;
}

/** A hash of queue names and the kinds that they are for, so that a worker that waits in vain can say why. */
export const KINDS = "fdiff-evaluate-kinds";
