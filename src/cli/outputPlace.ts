import { constants } from "node:fs";
import { access, mkdir, stat } from "node:fs/promises";
import { dirname, extname, join } from "node:path";
import { UserError } from "../errors/userError.js";
import { imageFormat } from "../image/nodeEncodeImage.js";

/** Names for the images of a run. */
export interface OutputPlace {
	/** The file of image `index` of the run. */
	file(index: number, seed: bigint): string;
}

/** The first words of a prompt as a file name. */
export function promptSlug(prompt: string): string {
	const slug = prompt
		.normalize("NFKD")
		.toLowerCase()
		.replace(/[^\p{L}\p{N}]+/gu, "-")
		.replace(/[^a-z0-9-]/g, "")
		.replace(/^-+|-+$/g, "")
		.slice(0, 48)
		.replace(/-+$/, "");
	return slug || "image";
}

/**
 * Where a run writes: `--output` as a file (several images get their seed behind the name), as a folder, or nothing:
 * PROMPT-SEED.png in the current folder. Checked before anything is drawn, so that no run ends in a surprise.
 * @throws UserError that names the path
 */
export async function outputPlace(
	output: string | undefined,
	prompt: string,
	numImages: number,
): Promise<OutputPlace> {
	const slug = promptSlug(prompt);
	const named = (folder: string): OutputPlace => ({
		file: (_, seed) => join(folder, `${slug}-${seed}.png`),
	});
	if (output === undefined) {
		await writable(".", "the current folder");
		return named(".");
	}
	const extension = extname(output).toLowerCase();
	const isFolder =
		output.endsWith("/") ||
		extension === "" ||
		(await stat(output).catch(() => undefined))?.isDirectory() === true;
	if (isFolder) {
		await mkdir(output, { recursive: true }).catch((cause: unknown) => {
			throw cannotWrite(output, cause);
		});
		await writable(output, output);
		return named(output);
	}
	imageFormat(output);
	await writable(dirname(output), output);
	const stem = output.slice(0, -extension.length);
	return {
		file: (_, seed) =>
			numImages === 1 ? output : `${stem}-${seed}${output.slice(stem.length)}`,
	};
}

async function writable(folder: string, shown: string): Promise<void> {
	await access(folder, constants.W_OK).catch((cause: unknown) => {
		throw cannotWrite(shown, cause);
	});
}

function cannotWrite(path: string, cause: unknown): UserError {
	const { code } = cause as NodeJS.ErrnoException;
	const why =
		code === "ENOENT"
			? "its folder does not exist"
			: code === "EACCES" || code === "EROFS"
				? "no permission to write there"
				: code === "ENOTDIR" || code === "EEXIST"
					? "a part of the path is a file"
					: String(code);
	return new UserError(`--output ${path}: cannot be written: ${why}`, 1, {
		cause,
	});
}
