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

/** Where what changes the embedded model lies in its folder, by its name. */
const extras = {
	lora: (name: string) => join("lora", `${name}.safetensors`),
	controlnet: (name: string) => `controlnet-${name}`,
};

/** What there is of them, in words: `LoRA ice, control net edges`. */
export async function embeddedExtraNames(): Promise<string> {
	const folder = join(embeddedModelsFolder, EMBEDDED_MODEL);
	const [all, loras] = await Promise.all(
		[folder, join(folder, "lora")].map((path) =>
			readdir(path).catch(() => [] as string[]),
		),
	);
	return [
		...loras.map((file) => `LoRA ${file.replace(/\.safetensors$/, "")}`),
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
	const path = join(embeddedModelsFolder, EMBEDDED_MODEL, extras[kind](name));
	return stat(path).then(
		() => path,
		() => undefined,
	);
}
