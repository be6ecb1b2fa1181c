import * as z from "zod";
import { UserError } from "../errors/userError.js";
import { checkJson, readJsonText } from "../files/parseJson.js";
import { parseCsv, type Separator } from "./csv.js";

/** A caption as a file gives it; which image it belongs to may be said by id, by file name, by both or not at all. */
export interface CaptionRow {
	readonly captionId?: string;
	readonly imageId?: string;
	readonly file?: string;
	readonly caption: string;
}

/** What a file of captions says. */
export interface CaptionTable {
	/** Images that are listed apart from the captions, as COCO does. */
	readonly images: readonly { readonly id: string; readonly file: string }[];
	readonly rows: readonly CaptionRow[];
}

const id = z
	.union([z.int(), z.string().min(1)], "must be a number or a string")
	.transform(String);

const cocoSchema = z.object({
	images: z.array(z.object({ id, file_name: z.string().min(1) })),
	annotations: z.array(
		z.object({ id: id.optional(), image_id: id, caption: z.string() }),
	),
});

/** Rows of JSON, JSONL and CSV: the first of each group of names that is there counts. */
const rowSchema = z.record(z.string(), z.unknown());
const nameGroups = {
	caption: ["caption", "text", "prompt"],
	file: ["file_name", "image", "file", "path", "filename"],
	imageId: ["image_id"],
	captionId: ["caption_id", "id"],
} as const;

/**
 * Reads a file of captions, by its content: COCO's captions JSON; a JSON array of rows; JSON Lines; CSV with a header
 * (fields separated by commas, semicolons or tabs).
 * Rows have `caption` (or text, prompt) and any of `file_name` (image, file, path, filename), `image_id`, `caption_id` (id).
 * @throws UserError that names the place of what is wrong.
 */
export function parseCaptionTable(text: string, label: string): CaptionTable {
	const start = text.replace(/^\uFEFF/, "").trimStart();
	if (start.startsWith("[") || isJsonObject(start))
		return fromJson(readJsonText(start, label), label);
	if (start.startsWith("{")) return fromLines(start, label);
	return fromCsv(text, label);
}

/** One JSON object is COCO's form; JSON Lines are several, each on its own line. */
function isJsonObject(text: string): boolean {
	if (!text.startsWith("{")) return false;
	const [first] = text.split("\n", 1);
	try {
		const row: unknown = JSON.parse(first);
		return typeof row === "object" && row !== null && "annotations" in row;
	} catch {
		return true;
	}
}

function fromJson(json: unknown, label: string): CaptionTable {
	if (Array.isArray(json)) {
		const rows = json.map((row, i) =>
			captionRow(row, `${label}, row ${i + 1}`),
		);
		return { images: [], rows };
	}
	const { images, annotations } = checkJson(cocoSchema, json, label, {
		what: "COCO captions file",
	});
	return {
		images: images.map((image) => ({ id: image.id, file: image.file_name })),
		rows: annotations.map((annotation) => ({
			...(annotation.id === undefined ? {} : { captionId: annotation.id }),
			imageId: annotation.image_id,
			caption: annotation.caption,
		})),
	};
}

function fromLines(text: string, label: string): CaptionTable {
	const rows: CaptionRow[] = [];
	for (const [i, line] of text.split("\n").entries()) {
		if (line.trim() === "") continue;
		const place = `${label}, line ${i + 1}`;
		rows.push(captionRow(readJsonText(line, place), place));
	}
	return { images: [], rows };
}

function fromCsv(text: string, label: string): CaptionTable {
	let lines: string[][];
	try {
		lines = parseCsv(text, separatorOf(text));
	} catch (error) {
		throw new UserError(
			`${label} is no CSV: ${error instanceof Error ? error.message : error}`,
		);
	}
	const [header, ...body] = lines;
	const names = header?.map((name) => name.trim().toLowerCase()) ?? [];
	if (!nameGroups.caption.some((name) => names.includes(name)))
		throw new UserError(
			`${label} has no column "caption": its first line must name the columns, such as file_name,caption`,
		);
	const rows = body.map((fields, i) => {
		const place = `${label}, row ${i + 2}`;
		if (fields.length !== names.length)
			throw new UserError(
				`${place} has ${fields.length} fields where the header has ${names.length}: quote captions that hold commas`,
			);
		const entries = names.map((name, column) => [name, fields[column]]);
		const present = entries.filter(
			([name, value]) => value !== "" || isCaption(name),
		);
		return captionRow(Object.fromEntries(present), place);
	});
	return { images: [], rows };
}

/** By the first line, whose names hold neither commas, semicolons nor tabs. */
function separatorOf(text: string): Separator {
	const [header] = text.split(/[\r\n]/, 1);
	const found = ([",", ";", "\t"] as const).filter((sign) =>
		header.includes(sign),
	);
	return found.length === 1 ? found[0] : ",";
}

function isCaption(name: string): boolean {
	return nameGroups.caption.some((candidate) => candidate === name);
}

function captionRow(value: unknown, place: string): CaptionRow {
	const row = rowSchema.safeParse(value);
	if (!row.success) throw new UserError(`${place} is no object`);
	const pick = (names: readonly string[]): unknown =>
		names.map((name) => row.data[name]).find((found) => found !== undefined);
	const caption = z.string().safeParse(pick(nameGroups.caption));
	if (!caption.success)
		throw new UserError(`${place} has no text named "caption"`);
	const optional = (key: "file" | "imageId" | "captionId") => {
		const found = pick(nameGroups[key]);
		if (found === undefined || found === null) return {};
		const parsed = id.safeParse(found);
		if (!parsed.success)
			throw new UserError(
				`${place}: ${nameGroups[key][0]} is neither a number nor a string`,
			);
		return { [key]: parsed.data };
	};
	return {
		caption: caption.data,
		...optional("captionId"),
		...optional("imageId"),
		...optional("file"),
	};
}
