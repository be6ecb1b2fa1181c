import { ofOption } from "../errors/ofOption.js";
import { OptionError } from "../errors/optionError.js";
import type { ModelFiles } from "../weights/folder/modelFiles.js";
import type { GivenOptions } from "../weights/web/givenFiles.js";
import type { WebModelSource } from "../weights/web/modelSource.js";
import { type GivenPart, openWebPart } from "../weights/web/openWebPart.js";
import type { ControlNetFiles } from "./controlNetworks.js";
import { controlNetFor, vaeFor } from "./modelParts.js";

/** What stands beside a model, or in place of a part of it. */
export interface WebPartOptions {
	/** Another autoencoder than the model's. */
	readonly vae?: WebModelSource;
	/** Control nets beside the model: a source, or a list of sources. */
	readonly controlnet?: WebModelSource | readonly WebModelSource[];
}

/** A model as it is drawn with. */
export interface WholeModel<Files> {
	/** With the autoencoder that stands in place of its own. */
	readonly files: Files;
	readonly controlNets: readonly ControlNetFiles[];
}

/** Parts that were opened. */
export interface OpenedParts {
	/** What the autoencoder is called that stands in place of the model's own. */
	readonly vae?: string;
	/** The parts with a model. @throws OptionError when one does not fit it */
	beside<Files extends Pick<ModelFiles, "networks">>(
		files: Files,
	): Promise<WholeModel<Files>>;
	/** The same, once their weights are here. */
	fetch(): Promise<OpenedParts>;
}

const MOST_CONTROL_NETS = 8;

/**
 * Opens what the options name beside a model: only configs and headers of weights are read now.
 * @throws OptionError that names the part that cannot be had
 */
export async function openParts(
	{ vae, controlnet, ...options }: WebPartOptions & GivenOptions,
	variant?: string,
): Promise<OpenedParts> {
	const open = (source: WebModelSource, within?: "vae") =>
		openWebPart(source, { ...options, revision: undefined, within, variant });
	const nets: GivenPart[] = [];
	for (const source of listOf(controlnet))
		nets.push(await ofOption("controlnet", () => open(source)));
	return partsOf(
		vae === undefined
			? undefined
			: await ofOption("vae", () => open(vae, "vae")),
		nets,
	);
}

function partsOf(
	vae: GivenPart | undefined,
	nets: readonly GivenPart[],
): OpenedParts {
	return {
		...(vae && { vae: vae.looked.label }),
		async beside(files) {
			const { networks } = files;
			const own =
				vae &&
				(await ofOption("vae", () =>
					vaeFor(networks, vae.looked, vae.looked.label),
				));
			const controlNets: ControlNetFiles[] = [];
			for (const { looked } of nets)
				controlNets.push(
					await ofOption("controlnet", () => controlNetFor(networks, looked)),
				);
			return {
				files: own ? { ...files, networks: { ...networks, vae: own } } : files,
				controlNets,
			};
		},
		async fetch() {
			const fetched = async (option: string, part: GivenPart) => {
				const looked = await ofOption(option, part.fetch);
				return { looked, fetch: async () => looked };
			};
			const all: GivenPart[] = [];
			for (const net of nets) all.push(await fetched("controlnet", net));
			return partsOf(vae && (await fetched("vae", vae)), all);
		},
	};
}

/** One source, or several: the files of a folder that was picked are one. */
function listOf(
	given: WebPartOptions["controlnet"] = [],
): readonly WebModelSource[] {
	if (!Array.isArray(given)) return [given as WebModelSource];
	const isFolder =
		given.length > 0 &&
		given.every((one) => one instanceof File && one.webkitRelativePath);
	const list: readonly WebModelSource[] = isFolder ? [given] : given;
	if (list.length > MOST_CONTROL_NETS)
		throw new OptionError(
			"controlnet",
			`${list.length} are more than ${MOST_CONTROL_NETS}, the most`,
		);
	return list;
}
