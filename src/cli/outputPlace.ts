import { constants } from "node:fs";
import { access, stat, statfs } from "node:fs/promises";
import { dirname, extname, join, resolve } from "node:path";
import { ofOption } from "../errors/ofOption.js";
import { UserError } from "../errors/userError.js";
import { cannotWrite } from "../files/fileFault.js";
import { makeFolder } from "../files/nodeMakeFolder.js";
import { refuseDevice } from "../files/nodeWriteWhole.js";
import { type ImageFormat, imageFormat } from "../image/encodedImage.js";
import type { Seed } from "../random/seed.js";

/** Names for the images of a run. */
export interface OutputPlace {
	readonly format: ImageFormat;
	/** Makes the folder, where one was named that does not exist. Called when there is something to write. */
	prepare(): Promise<void>;
	/** The file of image `index` of the run. */
	file(index: number, seed: Seed | bigint): string;
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
	const inFolder = (folder: string): OutputPlace => ({
		format: "png",
		async prepare() {
			await makeFolder(folder).catch((cause: unknown) => {
				throw cannotWrite(`--output ${folder}`, cause);
			});
		},
		file: (_, seed) => join(folder, `${slug}-${seed}.png`),
	});
	if (output === undefined) {
		await writableFolder(".", "--output", "the current folder");
		return inFolder(".");
	}
	const extension = extname(output).toLowerCase();
	checkNames("--output", output);
	const isFolder =
		/[\\/]$/.test(output) ||
		extension === "" ||
		(await isDirectory(output).catch(() => false));
	if (isFolder) {
		await writableFolderAt("--output", output);
		return inFolder(output);
	}
	const format = await ofOption("output", () => imageFormat(output));
	await refuseDevice(output);
	await writableFolder(dirname(output), "--output", output);
	const stem = output.slice(0, -extension.length);
	return {
		format,
		prepare: async () => undefined,
		file: (_, seed) =>
			numImages === 1 ? output : `${stem}-${seed}${output.slice(stem.length)}`,
	};
}

/** File systems take names of up to 255 bytes; several images get `-SEED` behind the name. */
const LONGEST_NAME = 255 - "-18446744073709551615".length;

function checkNames(flag: string, path: string): void {
	if (path === "")
		throw new UserError(`${flag} names no file`, { code: "usage" });
	for (const name of path.split(/[\\/]/))
		if (new TextEncoder().encode(name).length > LONGEST_NAME)
			throw new UserError(
				`${flag} ${path.slice(0, 40)}… cannot be written: a name may have at most ${LONGEST_NAME} bytes`,
				{ code: "usage" },
			);
}

/**
 * Checks, before anything is drawn, that the file a flag names can be written.
 * @param made whether its folder is made where there is none
 * @throws UserError that names the flag and the path
 */
export async function writableFile(
	flag: string,
	path: string,
	made = false,
): Promise<void> {
	checkNames(flag, path);
	if (/[\\/]$/.test(path) || (await isDirectory(path).catch(() => false)))
		throw new UserError(`${flag} ${path} cannot be written: it is a folder`);
	await refuseDevice(path);
	const folder = made
		? await nearestFolder(dirname(path), `${flag} ${path}`)
		: dirname(path);
	await writableFolder(folder, flag, path);
}

/**
 * Checks, before anything is computed, that the folder a flag names can be written into, or made.
 * @throws UserError that names the flag and the path
 */
export async function writableFolderAt(
	flag: string,
	path: string,
): Promise<void> {
	checkNames(flag, path);
	await writableFolder(
		await nearestFolder(path, `${flag} ${path}`),
		flag,
		path,
	);
}

const isDirectory = async (path: string) => (await stat(path)).isDirectory();

/** The folder itself, or the nearest one above it that exists. */
async function nearestFolder(path: string, label: string): Promise<string> {
	for (let folder = resolve(path); ; folder = dirname(folder))
		try {
			await stat(folder);
			return folder;
		} catch (cause) {
			const { code } = cause as NodeJS.ErrnoException;
			if (code !== "ENOENT" || folder === dirname(folder))
				throw cannotWrite(label, cause);
		}
}

/** The types of /proc and /sys on Linux, which give permission and then take no files. */
const KERNEL_FILES = new Set([0x9fa0, 0x62656572]);

async function writableFolder(
	folder: string,
	flag: string,
	shown: string,
): Promise<void> {
	try {
		if (!(await isDirectory(folder)))
			throw Object.assign(new Error("a file"), { code: "ENOTDIR" });
		await access(folder, constants.W_OK);
		if (KERNEL_FILES.has((await statfs(folder)).type))
			throw Object.assign(new Error("no files"), { code: "EROFS" });
	} catch (cause) {
		throw cannotWrite(`${flag} ${shown}`, cause);
	}
}
