import * as z from "zod";
import { UserError } from "../errors/userError.js";
import { parseJson } from "../files/parseJson.js";
import { numpyPermutations } from "../random/numpyPermutation.js";
import type { CaptionedImages, DatasetCaption } from "./captionedImages.js";
import { compareIds } from "./compareIds.js";

/** One image to make: its caption and seed. */
export interface ProtocolEntry {
	readonly imageId: string;
	readonly captionId: string;
	readonly caption: string;
	/** Seed of the initial latents. */
	readonly seed: number;
}

/** A resolved protocol: which captions are drawn with which seeds, and which images they are measured against. */
export interface ResolvedProtocol {
	readonly protocol: string;
	/** Of the rules that made the list; results of unlike versions are not compared. */
	readonly version: 1;
	readonly dataset: string;
	readonly entries: readonly ProtocolEntry[];
	/** Image ids of the real side. */
	readonly reals: readonly string[];
}

/** Seed with which `paper-10k` draws its captions. */
const drawSeed = 2017;
const paperCount = 10_000;
const valCount = 5_000;

/**
 * Resolves a protocol by name:
 * - `val-5k`: each of the 5,000 images of COCO 2017 val with its first caption by id; reals: all images.
 * - `paper-10k`: 10,000 captions drawn without replacement (numpy's RandomState(2017).permutation over captions sorted by
 *   id); reals: all images.
 * - `smoke-N`: N images drawn alike from `every-image`, with their first captions; reals: these images.
 * - `every-image`: `val-5k` for a set of any size.
 *
 * Seeds are `firstSeed`, `firstSeed` + 1, … in the list's order.
 * @throws UserError for another name, or a data set that is too small.
 */
export function resolveProtocol(
	name: string,
	dataset: CaptionedImages,
	firstSeed = 0,
): ResolvedProtocol {
	const everyImage = () => firstCaptions(dataset);
	const result = (
		captions: readonly DatasetCaption[],
		reals: readonly string[],
	): ResolvedProtocol => ({
		protocol: name,
		version: 1,
		dataset: dataset.label,
		entries: captions.map(({ id, imageId, caption }, i) => ({
			imageId,
			captionId: id,
			caption,
			seed: firstSeed + i,
		})),
		reals,
	});
	const allImages = () => dataset.images.map(({ id }) => id);
	const smoke = /^smoke-([1-9]\d{0,5})$/.exec(name);
	if (smoke) {
		const captions = everyImage();
		const chosen = drawn(captions, Number(smoke[1]), name, dataset.label);
		chosen.sort((a, b) => compareIds(a.imageId, b.imageId));
		return result(
			chosen,
			chosen.map(({ imageId }) => imageId),
		);
	}
	switch (name) {
		case "val-5k": {
			const captions = everyImage();
			if (captions.length !== valCount)
				throw new UserError(
					`val-5k needs the ${valCount} captioned images of COCO 2017 val, and ${dataset.label} has ${captions.length}: use the protocol every-image or smoke-N`,
				);
			return result(captions, allImages());
		}
		case "every-image":
			return result(everyImage(), allImages());
		case "paper-10k":
			return result(
				drawn(dataset.captions, paperCount, name, dataset.label),
				allImages(),
			);
		default:
			throw new UserError(
				`"${name}" is no protocol: there are val-5k, paper-10k, every-image and smoke-N (such as smoke-64)`,
				{ code: "usage" },
			);
	}
}

/** Each image's first caption by id, in the order of images. */
function firstCaptions({ captions }: CaptionedImages): DatasetCaption[] {
	const first = new Map<string, DatasetCaption>();
	for (const caption of captions)
		if (!first.has(caption.imageId)) first.set(caption.imageId, caption);
	return [...first.values()].sort((a, b) => compareIds(a.imageId, b.imageId));
}

function drawn(
	captions: readonly DatasetCaption[],
	count: number,
	name: string,
	label: string,
): DatasetCaption[] {
	if (captions.length < count)
		throw new UserError(
			`${name} draws ${count} captions, and ${label} has ${captions.length}`,
		);
	const order = numpyPermutations(drawSeed).next(captions.length);
	return Array.from(order.subarray(0, count), (index) => captions[index]);
}

const resolvedSchema = z.object({
	protocol: z.string(),
	version: z.literal(1),
	dataset: z.string(),
	entries: z.array(
		z.object({
			imageId: z.string(),
			captionId: z.string(),
			caption: z.string().min(1),
			seed: z.int().min(0),
		}),
	),
	reals: z.array(z.string()),
});

/**
 * A resolved protocol from its JSON text, as `JSON.stringify` wrote it.
 * @throws UserError when it is none.
 */
export function parseResolvedProtocol(
	text: string,
	label: string,
): ResolvedProtocol {
	return parseJson(resolvedSchema, text, label, {
		what: "resolved protocol",
	});
}
