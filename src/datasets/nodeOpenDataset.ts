import { stat } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../errors/userError.js";
import { decodeText } from "../files/decodeText.js";
import { readRegularFile } from "../files/nodeReadRegularFile.js";
import { openZip } from "../zip/nodeZipArchive.js";
import { type CaptionedImages, joinCaptions } from "./captionedImages.js";
import {
	type CaptionRow,
	type CaptionTable,
	parseCaptionTable,
} from "./captionTable.js";
import { type ImageSource, openImageSource } from "./nodeImageSource.js";

/** Where a data set lies. */
export interface DatasetPlace {
	/**
	 * A folder that holds both: COCO's (`captions_val2017.json` or `annotations/…` or `annotations_trainval2017.zip`,
	 * and `val2017/` or `val2017.zip`), or images with captions.json, .jsonl or .csv (or metadata.…), or with a .txt
	 * beside each image.
	 */
	readonly folder?: string;
	/** A file of captions (JSON, JSONL, CSV, or a zip that holds captions_val2017.json). */
	readonly captions?: string;
	/** A folder or zip of images. */
	readonly images?: string;
}

/** A data set whose images can be read. */
export interface OpenDataset extends CaptionedImages {
	/** Undefined where only captions were asked for. */
	readonly source: ImageSource | undefined;
}

export interface OpenDatasetOptions {
	/** The largest share of images and captions that may be in trouble; 0.01 unless given. */
	readonly limit?: number;
}

const captionFiles = ["captions", "metadata"].flatMap((name) =>
	["json", "jsonl", "csv"].map((extension) => `${name}.${extension}`),
);
const cocoCaptions = [
	"captions_val2017.json",
	"annotations/captions_val2017.json",
	"annotations_trainval2017.zip",
];
const cocoImages = ["val2017", "images/val2017", "val2017.zip"];
/** captions_train2017.json has 92 MB. */
const maxCaptionBytes = 400 * 2 ** 20;

/**
 * Opens captions with their images; nothing is unpacked. Close the source in the end.
 * @throws UserError when something is missing, malformed or in too much trouble.
 */
export async function openDataset(
	place: DatasetPlace,
	{ limit }: OpenDatasetOptions = {},
): Promise<OpenDataset> {
	const found = place.folder ? await inFolder(place.folder) : {};
	const captions = place.captions ?? found.captions;
	const images = place.images ?? found.images;
	if (!captions && !images)
		throw new UserError("a data set needs a folder, or captions and images", {
			code: "usage",
		});
	const source = images ? await openImageSource(images) : undefined;
	try {
		const table = captions
			? await readCaptionTable(captions)
			: await sidecars(images ?? "", source?.names ?? []);
		const label = place.folder ?? captions ?? images ?? "";
		const joined = joinCaptions(table, source?.names, label, limit);
		return { ...joined, source };
	} catch (error) {
		source?.close();
		throw error;
	}
}

async function inFolder(
	folder: string,
): Promise<{ captions?: string; images?: string }> {
	const status = await stat(folder).catch(() => undefined);
	if (!status?.isDirectory())
		throw new UserError(`${folder} is no folder that can be read`);
	const first = async (names: readonly string[]) => {
		for (const name of names) {
			const path = join(folder, name);
			if (await stat(path).catch(() => undefined)) return path;
		}
		return undefined;
	};
	const coco = await first(cocoCaptions);
	const cocoFolder = await first(cocoImages);
	if (coco && cocoFolder) return { captions: coco, images: cocoFolder };
	const captions = coco ?? (await first(captionFiles));
	return captions ? { captions, images: folder } : { images: folder };
}

/**
 * Reads and parses a file of captions, or the one inside a zip.
 * @throws UserError when it cannot be read or is malformed.
 */
export async function readCaptionTable(path: string): Promise<CaptionTable> {
	if (path.toLowerCase().endsWith(".zip")) {
		const zip = await openZip(path, path);
		try {
			const names = [...zip.entries.keys()];
			const name =
				names.find((entry) => /(^|\/)captions_val2017\.json$/.test(entry)) ??
				names.find((entry) => /(^|\/)captions[^/]*\.json$/.test(entry));
			if (!name) throw new UserError(`${path} holds no captions_val2017.json`);
			const bytes = await zip.read(name, maxCaptionBytes);
			return parseCaptionTable(decodeText(bytes, name), `${path} (${name})`);
		} finally {
			zip.close();
		}
	}
	const bytes = await readRegularFile(path, maxCaptionBytes);
	return parseCaptionTable(decodeText(bytes, path), path);
}

/** A .txt beside each image, a caption a line. */
async function sidecars(
	folder: string,
	names: readonly string[],
): Promise<CaptionTable> {
	const rows: CaptionRow[] = [];
	for (const file of names) {
		const stem = file.replace(/\.[^./]+$/, "");
		const path = join(folder, `${stem}.txt`);
		const bytes = await readRegularFile(path, maxCaptionBytes).catch(
			() => new Uint8Array(),
		);
		const lines = decodeText(bytes, path).split(/\r?\n/);
		const captions = lines.filter((line) => line.trim() !== "");
		for (const [i, caption] of captions.entries())
			rows.push({ captionId: `${stem}#${i}`, file, caption });
	}
	if (rows.length === 0)
		throw new UserError(
			`${folder} has images but no captions: put captions.json, .jsonl or .csv, or a .txt for each image, beside them`,
		);
	return { images: [], rows };
}
