import { shorten } from "../../errors/shorten.js";
import { UserError } from "../../errors/userError.js";
import { adapterFile } from "../adapters/adapterFile.js";
import {
	ADAPTER_ENDING,
	chosenAdapter,
	PEFT_CONFIG,
	usualNames,
} from "../adapters/adapterFileNames.js";
import type { AdapterFile } from "../adapters/openAdapter.js";
import { readJson } from "../formats/modelFolder.js";
import { pathIn } from "./blobFolder.js";
import { embeddedLoras } from "./embeddedLoras.js";
import { type GivenOptions, givenFiles } from "./givenFiles.js";
import { sourcePlace, type WebModelSource } from "./modelSource.js";
import { safetensorsFile } from "./openWebPart.js";
import { pickedFiles } from "./pickedFiles.js";

/**
 * Opens an adapter or an embedding at an address or with a Hub id: a file, or a folder that holds one; or a LoRA that comes with the
 * embedded model, by its name.
 * @throws UserError when there is none, or it cannot be had.
 */
export async function openWebAdapterFile(
	where: string,
	options: GivenOptions,
): Promise<AdapterFile> {
	const embedded = Object.hasOwn(embeddedLoras, where)
		? embeddedLoras[where].href
		: undefined;
	const given = await givenFiles(
		embedded ?? where,
		{
			as: "adapter",
			async choose(folder) {
				const paths = await folder.paths([...usualNames, PEFT_CONFIG]);
				return [
					chosenAdapter([...paths], folder.name),
					...(paths.has(PEFT_CONFIG) ? [PEFT_CONFIG] : []),
				].map((path) => folder.file(path));
			},
		},
		// what comes with the page, the browser's cache keeps
		embedded ? { ...options, keep: false } : options,
	);
	const folder = await given.fetch();
	const path = given.single ?? chosenAdapter([...folder.paths], given.label);
	const file = await safetensorsFile(folder, path);
	const fileName = baseName(path);
	const name = usualNames.includes(fileName)
		? baseName(given.label.replace(/\/$|@.*$/, ""))
		: fileName.replace(ADAPTER_ENDING, "");
	return {
		...(await adapterFile(file, name)),
		label: embedded
			? where
			: given.single === undefined
				? pathIn(given.label, path)
				: given.label,
		...(folder.paths.has(PEFT_CONFIG) && {
			config: await readJson(folder, PEFT_CONFIG),
		}),
	};
}

/**
 * Finds the LoRAs that prompts name: in a folder at an address, or among files that the user picked.
 * @throws UserError when the folder cannot be one
 */
export async function webLoraFinder(
	source: WebModelSource,
): Promise<(name: string) => Promise<string | Blob>> {
	if (typeof source === "string") {
		const place = sourcePlace(source);
		if (place.kind === "file" || (place.kind === "hub" && place.file))
			throw new UserError(
				`${shorten(source)} is one file: give the address of the folder of your LoRAs`,
				{ code: "usage" },
			);
		if (place.kind === "hub" && place.revision.includes("/"))
			throw new UserError(
				`${shorten(source)}: files cannot be found behind a revision with a "/"; give its commit`,
				{ code: "usage" },
			);
		return async (name) => {
			checkName(name);
			const file = `${name}.safetensors`;
			if (place.kind === "hub")
				return `${place.repo}@${place.revision}/${file}`;
			const url = new URL(place.url);
			url.pathname += encodeURIComponent(file);
			return url.href;
		};
	}
	const picked = await pickedFiles(source);
	const files: [string, Blob][] =
		"single" in picked
			? [[picked.single.name, picked.single]]
			: [...picked.files].sort(([a], [b]) => (a < b ? -1 : 1));
	return async (name) => {
		const found = files.find(
			([path]) =>
				ADAPTER_ENDING.test(path) &&
				baseName(path).replace(ADAPTER_ENDING, "") === name,
		);
		if (found) return found[1];
		throw new UserError(
			`the prompt names the LoRA ${shorten(name)}, which is none of the files picked`,
			{ code: "usage" },
		);
	};
}

/** A prompt says it: it must not lead out of the folder. */
function checkName(name: string): void {
	if (!/^[^/\\:*?"<>|\p{Cc}]{1,200}$/u.test(name) || /^\.+$/.test(name))
		throw new UserError(
			`${shorten(name)} cannot be the name of a LoRA's file`,
			{
				code: "usage",
			},
		);
}

function baseName(path: string): string {
	return path.slice(path.lastIndexOf("/") + 1);
}
