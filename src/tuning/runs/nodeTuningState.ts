import * as z from "zod";
import { OptionError } from "../../errors/optionError.js";
import type { UserError } from "../../errors/userError.js";
import {
	longestText,
	readRegularText,
} from "../../files/nodeReadRegularFile.js";
import { writeWhole } from "../../files/nodeWriteWhole.js";

const schema = z.object({
	key: z.string().max(10_000),
	costs: z
		.object({
			unit: z.enum(["seconds", "flops"]),
			costs: z.array(z.tuple([z.string().max(40), z.number()])),
		})
		.optional(),
	candidates: z
		.array(
			z.object({
				states: z.array(z.string().max(40)).max(2000),
				order: z.union([z.literal(0), z.literal(1), z.literal(2)]),
				over: z.enum(["timestep", "log-snr"]),
				family: z.string().max(40),
				estimate: z.number(),
			}),
		)
		.optional(),
	runs: z.record(
		z.string(),
		z.object({
			error: z.number(),
			psnr: z.number().optional(),
			lpips: z.number().optional(),
			seconds: z.number(),
			flops: z.number(),
		}),
	),
	/** Seconds in the UNet of every run on one held-out prompt, all measured in turn; by the prompt's seed, then by run. */
	rounds: z.record(z.string(), z.record(z.string(), z.number())).optional(),
});

/** What a search has found out so far. */
export type TuningState = z.infer<typeof schema>;

/**
 * Reads the state of a search that was broken off; a fresh one when there is no file, or it is of another search
 * (another model, sampler, prompts, …: `key`).
 * @throws UserError when the file is no such state
 */
export async function readTuningState(
	path: string | undefined,
	key: string,
): Promise<TuningState> {
	const fresh: TuningState = { key, runs: {} };
	if (path === undefined) return fresh;
	let text: string;
	try {
		text = await readRegularText(path, longestText);
	} catch (error) {
		if ((error as UserError).code === "not_found") return fresh;
		throw error;
	}
	let json: unknown;
	try {
		json = JSON.parse(text);
	} catch {
		json = undefined;
	}
	const parsed = schema.safeParse(json);
	if (!parsed.success)
		throw new OptionError(
			"state",
			`${path} is no state of a key-step search; delete it or name another file`,
		);
	return parsed.data.key === key ? parsed.data : fresh;
}

/** Writes the state, whole or not at all. @throws UserError when it cannot be written */
export async function writeTuningState(
	path: string | undefined,
	state: TuningState,
): Promise<void> {
	if (path !== undefined) await writeWhole(path, JSON.stringify(state));
}
