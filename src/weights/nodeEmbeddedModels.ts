import { readdir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";

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

/** Where what changes the embedded model lies in its folder, by its name. */
const extras = {
	lora: (name: string) => join("lora", `${name}.safetensors`),
	controlnet: (name: string) => `controlnet-${name}`,
};

const embeddedFolder = join(embeddedModelsFolder, EMBEDDED_MODEL);

/** Whether a model's folder is that of the embedded model. */
export function isEmbedded(folder: string | undefined): boolean {
	return folder !== undefined && resolve(folder) === embeddedFolder;
}

/** The files of the LoRAs that come with the embedded model, by their names. */
export async function embeddedLoras(): Promise<Record<string, string>> {
	const folder = join(embeddedFolder, "lora");
	const files = await readdir(folder).catch(() => [] as string[]);
	return Object.fromEntries(
		files.map((file) => [basename(file, ".safetensors"), join(folder, file)]),
	);
}

/** What comes with the embedded model, in words: `LoRA ice, control net edges`. */
export async function embeddedExtraNames(): Promise<string> {
	const all = await readdir(embeddedFolder).catch(() => [] as string[]);
	return [
		...Object.keys(await embeddedLoras()).map((name) => `LoRA ${name}`),
		...all
			.filter((name) => name.startsWith("controlnet-"))
			.map((name) => `control net ${name.slice("controlnet-".length)}`),
	].join(", ");
}

/** The path of a LoRA or a control net that comes with the package, by its name: `neon`; undefined where none has it. */
export async function embeddedExtra(
	kind: keyof typeof extras,
	name: string,
): Promise<string | undefined> {
	if (!/^[a-z][a-z0-9-]*$/.test(name)) return undefined;
	const path = join(embeddedFolder, extras[kind](name));
	return stat(path).then(
		() => path,
		() => undefined,
	);
}
