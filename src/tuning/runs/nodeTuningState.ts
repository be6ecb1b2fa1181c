import { OptionError } from "../../errors/optionError.js";
import type { UserError } from "../../errors/userError.js";
import {
	longestText,
	readRegularText,
} from "../../files/nodeReadRegularFile.js";
import { writeWhole } from "../../files/nodeWriteWhole.js";
import { parseJson } from "../../files/parseJson.js";
import { type TuningState, tuningStateSchema } from "./tuningState.js";

/**
 * Reads the state of a search that was broken off; a fresh one when there is no file, or it is of another search
 * (another model, sampler, prompts, …: `key`).
 * @throws UserError when the file is no such state
 */
export async function readTuningState(
	path: string | undefined,
	key: string,
): Promise<TuningState> {
	const fresh: TuningState = { key, improved: {}, scores: {} };
	if (path === undefined) return fresh;
	let text: string;
	try {
		text = await readRegularText(path, longestText);
	} catch (error) {
		if ((error as UserError).code === "not_found") return fresh;
		throw error;
	}
	try {
		const state = parseJson(tuningStateSchema, text, path);
		return state.key === key ? state : fresh;
	} catch (cause) {
		throw new OptionError(
			"state",
			`${path} is no state of a search for plans; delete it or name another file`,
			{ cause },
		);
	}
}

/** Writes the state, whole or not at all. @throws UserError when it cannot be written */
export async function writeTuningState(
	path: string | undefined,
	state: TuningState,
): Promise<void> {
	if (path !== undefined) await writeWhole(path, JSON.stringify(state));
}
