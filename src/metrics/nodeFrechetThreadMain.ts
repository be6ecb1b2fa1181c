// The thread of `frechetThread`.
import { parentPort } from "node:worker_threads";
import { UserError } from "../errors/userError.js";
import { frechetHere } from "./frechetWork.js";
import type { FrechetCall, FrechetReply } from "./nodeFrechetThread.js";

const reply = (words: FrechetReply) => parentPort?.postMessage(words);

parentPort?.on("message", async ({ name, given }: FrechetCall) => {
	const work = frechetHere[name] as (
		...given: readonly unknown[]
	) => Promise<unknown>;
	try {
		reply({ value: await work(...given, (group: number) => reply({ group })) });
	} catch (error) {
		reply({
			error: error instanceof Error ? error.message : String(error),
			...(error instanceof UserError ? { code: error.code } : {}),
		});
	}
});
