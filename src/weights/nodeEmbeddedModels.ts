import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

/** The package's own folder of models; this file is two levels below the package's root, in src/ as in dist/. */
export const embeddedModelsFolder = join(
	import.meta.dirname,
	"..",
	"..",
	"models",
);

/** The model that comes with the package: small, offline, 128 x 128 pixels. */
export const EMBEDDED_MODEL = "emoji";

/** Names of the models that come with the package (folders of `models/` with a model_index.json), sorted. */
export async function embeddedModelNames(
	folder: string = embeddedModelsFolder,
): Promise<string[]> {
	const names: string[] = [];
	for (const name of await readdir(folder).catch(() => [] as string[]))
		if (
			await stat(join(folder, name, "model_index.json")).then(
				(status) => status.isFile(),
				() => false,
			)
		)
			names.push(name);
	return names.sort();
}
