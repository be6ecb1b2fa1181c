import { readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";

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

/** The embedded model's own folder. */
export const embeddedFolder = join(embeddedModelsFolder, EMBEDDED_MODEL);

/** Whether a model's folder is that of the embedded model. */
export function isEmbedded(folder: string | undefined): boolean {
	return folder !== undefined && resolve(folder) === embeddedFolder;
}

/** The files of the LoRAs that come with the embedded model, by their names. */
export function embeddedLoras(): Promise<Record<string, string>> {
	return named(join(embeddedFolder, "lora"), /^(.+)\.safetensors$/);
}

/** The folders of the control nets that come with the embedded model, by their names. */
export function embeddedControlNets(): Promise<Record<string, string>> {
	return named(embeddedFolder, /^controlnet-(.+)$/);
}

/** What comes with the embedded model, in words: `LoRA ice, control net edges`. */
export async function embeddedExtraNames(): Promise<string> {
	const loras = Object.keys(await embeddedLoras());
	const nets = Object.keys(await embeddedControlNets());
	return [
		...loras.map((name) => `LoRA ${name}`),
		...nets.map((name) => `control net ${name}`),
	].join(", ");
}

/** What lies in a folder, by the part of its file name that `pattern` takes for its name. */
async function named(
	folder: string,
	pattern: RegExp,
): Promise<Record<string, string>> {
	const files = await readdir(folder).catch(() => [] as string[]);
	return Object.fromEntries(
		files.flatMap((file) => {
			const name = pattern.exec(file)?.[1];
			return name === undefined ? [] : [[name, join(folder, file)]];
		}),
	);
}
