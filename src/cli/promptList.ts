import { readCaptionTable } from "../datasets/nodeOpenDataset.js";
import { UserError } from "../errors/userError.js";
import { readTextOf } from "./optionFlags.js";

/**
 * Prompts from the command line, or of a captions file: one a line (.txt), or a caption table (COCO's .json, CSV).
 * @throws UserError (exit code 2) when there are none, or the file cannot be read
 */
export async function promptList(
	words: readonly string[],
	captions: string | undefined,
	command: string,
): Promise<string[]> {
	const prompts = [...words];
	if (captions?.toLowerCase().endsWith(".txt"))
		prompts.push(...(await readTextOf("captions", captions)).split(/\r?\n/));
	else if (captions !== undefined)
		for (const { caption } of (await readCaptionTable(captions)).rows)
			prompts.push(caption);
	const given = prompts.map((prompt) => prompt.trim()).filter(Boolean);
	if (given.length === 0)
		throw new UserError(
			`no prompts: give some, as in fdiff ${command} "a bowl of ramen", or --captions FILE`,
			{ code: "usage" },
		);
	return given;
}
