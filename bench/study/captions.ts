import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { splitPrompts } from "../../src/tuning/runs/promptSplit.js";

const tableSchema = z.object({
	images: z.array(z.object({ id: z.number(), file_name: z.string() })),
	annotations: z.array(z.object({ image_id: z.number(), caption: z.string() })),
});

/** Captions that no training saw, with the pictures that they are of. */
export interface StudyCaptions {
	/** Those that searches and choices of grids go by. */
	readonly calibration: readonly string[];
	/** All others. */
	readonly unseen: readonly string[];
	/** Paths of the pictures of all of them. */
	readonly pictures: readonly string[];
}

/** As `fdiff tune --calibration 48 --held-out 40 --seed 1` deals them. */
const SPLIT = { counts: { calibration: 48, heldOut: 40 }, seed: 1 };

/**
 * The captions of the embedded model's evaluation set.
 * @param most of each kind, for a trial of the study itself
 */
export async function studyCaptions(
	folder: string,
	most = Number.POSITIVE_INFINITY,
): Promise<StudyCaptions> {
	const text = await readFile(join(folder, "captions.json"), "utf8");
	const { images, annotations } = tableSchema.parse(JSON.parse(text));
	const captions = annotations.map(({ caption }) => caption);
	const { calibration } = splitPrompts(captions, SPLIT.counts, SPLIT.seed);
	return {
		calibration: calibration.slice(0, most),
		unseen: captions
			.filter((caption) => !calibration.includes(caption))
			.slice(0, most),
		pictures: images.map(({ file_name }) => join(folder, "images", file_name)),
	};
}
