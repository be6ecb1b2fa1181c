import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Makes a folder and those above it, where they are not there. Node's own recursive mkdir goes round for ever in a folder that takes no new
 * ones and says so with ENOENT (/proc).
 * @throws the file system's error
 */
export async function makeFolder(path: string): Promise<void> {
	const made = await tried(path);
	if (made !== "ENOENT") return;
	if (dirname(path) !== path) await makeFolder(dirname(path));
	await mkdir(path).catch(async (error) => {
		// another process may have made it
		if (!(await isFolder(path))) throw error;
	});
}

async function tried(path: string): Promise<"ENOENT" | undefined> {
	try {
		await mkdir(path);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return "ENOENT";
		if (!(await isFolder(path))) throw error;
	}
	return undefined;
}

const isFolder = (path: string) =>
	stat(path).then(
		(status) => status.isDirectory(),
		() => false,
	);
