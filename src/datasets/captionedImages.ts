import { UserError } from "../errors/userError.js";
import type { CaptionTable } from "./captionTable.js";
import { compareIds } from "./compareIds.js";

export interface DatasetImage {
	readonly id: string;
	/** Its name in the image folder or archive. */
	readonly file: string;
}

export interface DatasetCaption {
	readonly id: string;
	readonly imageId: string;
	readonly caption: string;
}

/** Something that was left out, and what exactly. */
export interface DatasetProblem {
	readonly what: string;
	readonly names: readonly string[];
	/** Whether it counts towards the limit above which a set of images is refused. */
	readonly serious: boolean;
}

/** Captions and images that belong together, each sorted by id; problems are named, never silent. */
export interface CaptionedImages {
	readonly label: string;
	readonly images: readonly DatasetImage[];
	readonly captions: readonly DatasetCaption[];
	readonly problems: readonly DatasetProblem[];
}

/**
 * Brings captions and images together. Images are found by the file name that the table gives (with or without the
 * folder), else by their id as a file name (COCO's 12 digits too).
 * @param names all image files there are; undefined where only captions are wanted
 * @throws UserError when nothing is left, or more than `limit` of the images or captions are in trouble.
 */
export function joinCaptions(
	table: CaptionTable,
	names: Iterable<string> | undefined,
	label: string,
	limit = 0.01,
): CaptionedImages {
	const problems = new Map<string, { names: string[]; serious: boolean }>();
	const report = (what: string, name: string, serious: boolean) => {
		const known = problems.get(what);
		if (known) known.names.push(name);
		else problems.set(what, { names: [name], serious });
	};
	const find =
		names &&
		fileFinder(
			names,
			[...table.images, ...table.rows].flatMap(({ file }) => file ?? []),
		);
	const images = new Map<string, string>();
	const missing = new Set<string>();
	const listed = new Map<string, string>();

	for (const { id, file } of table.images) {
		const twin = listed.get(id);
		if (twin !== undefined) {
			report("image ids that occur twice", id, twin !== file);
			continue;
		}
		listed.set(id, file);
		const found = find ? find(file) : file;
		if (found !== undefined) images.set(id, found);
		else {
			missing.add(id);
			report("images that are missing", file, true);
		}
	}

	const captions = new Map<string, DatasetCaption>();
	const captioned = new Set<string>();
	for (const [i, row] of table.rows.entries()) {
		const captionId = row.captionId ?? `${i + 1}`;
		const caption = row.caption.replace(/\s+/g, " ").trim();
		if (caption === "") {
			report("empty captions", captionId, false);
			continue;
		}
		const imageId =
			row.imageId ??
			(row.file === undefined ? `${i + 1}` : withoutExtension(row.file));
		if (missing.has(imageId)) continue;
		if (!images.has(imageId)) {
			const found =
				find && table.images.length === 0
					? find(row.file ?? imageId)
					: undefined;
			if (found !== undefined) images.set(imageId, found);
			else if (find || table.images.length > 0) {
				report("captions without an image", captionId, true);
				continue;
			}
		}
		const twin = captions.get(captionId);
		if (twin) {
			const same = twin.imageId === imageId && twin.caption === caption;
			report("caption ids that occur twice", captionId, !same);
			continue;
		}
		captions.set(captionId, { id: captionId, imageId, caption });
		captioned.add(imageId);
	}
	// Where images are not listed, the files that no caption names are images too.
	if (names && table.images.length === 0) {
		const used = new Set(images.values());
		for (const file of names) {
			if (used.has(file)) continue;
			const id = withoutExtension(file);
			if (images.has(id)) report("image ids that occur twice", file, true);
			else images.set(id, file);
		}
	}
	for (const id of images.keys())
		if (!captioned.has(id)) report("images without a caption", id, false);

	const dataset = {
		label,
		images: [...images]
			.map(([id, file]) => ({ id, file }))
			.sort((a, b) => compareIds(a.id, b.id)),
		captions: [...captions.values()].sort((a, b) => compareIds(a.id, b.id)),
		problems: [...problems].map(([what, found]) => ({ what, ...found })),
	};
	if (dataset.captions.length === 0)
		throw new UserError(
			`${label} has no captions that can be used${summary(dataset.problems)}`,
		);
	checkProblems(
		dataset.problems,
		Math.max(images.size + missing.size, table.rows.length),
		label,
		limit,
	);
	return dataset;
}

/** One line a problem: how many, and the first few by name. */
export function problemLines(problems: readonly DatasetProblem[]): string[] {
	return problems.map(({ what, names }) => {
		const few = names.slice(0, 5).join(", ");
		return `${names.length} ${what}: ${few}${names.length > 5 ? ", …" : ""}`;
	});
}

/** @throws UserError when serious problems are more than this share of `total`. */
export function checkProblems(
	problems: readonly DatasetProblem[],
	total: number,
	label: string,
	limit: number,
): void {
	const serious = problems.filter((problem) => problem.serious);
	const count = serious.reduce((sum, { names }) => sum + names.length, 0);
	if (count > limit * total)
		throw new UserError(
			`${label}: ${count} of ${total} cannot be used, more than the ${100 * limit} % allowed${summary(serious)}`,
		);
}

function summary(problems: readonly DatasetProblem[]): string {
	const lines = problemLines(problems);
	return lines.length > 0 ? ` (${lines.join("; ")})` : "";
}

function withoutExtension(file: string): string {
	return file.replace(/\.[^./]{1,5}$/, "");
}

function baseName(file: string): string {
	return file.slice(file.lastIndexOf("/") + 1);
}

/**
 * Finds a file by its whole name, its last part, or without extension. A file that is listed by its whole name is no other's: of `cats/1.png` and
 * `dogs/1.png` the one does not stand in where the other is missing.
 */
function fileFinder(
	names: Iterable<string>,
	listed: readonly string[],
): (name: string) => string | undefined {
	const known = new Map<string, string>();
	const all = [...names];
	// What comes later is less exact and never replaces what is there.
	const keys = [
		(name: string) => name,
		baseName,
		withoutExtension,
		(name: string) => withoutExtension(baseName(name)),
	];
	for (const key of keys)
		for (const name of all)
			if (!known.has(key(name))) known.set(key(name), name);
	const pathOf = (name: string) =>
		name.replaceAll("\\", "/").replace(/^\.\//, "");
	const taken = new Set(listed.map(pathOf));
	return (name) => {
		const path = pathOf(name);
		const found = known.get(path);
		if (found !== undefined) return found;
		const alike = known.get(baseName(path)) ?? known.get(cocoStem(path));
		return alike !== undefined && taken.has(alike) ? undefined : alike;
	};
}

/** COCO names files by ids of 12 digits. */
function cocoStem(id: string): string {
	return /^\d{1,12}$/.test(id) ? id.padStart(12, "0") : id;
}
