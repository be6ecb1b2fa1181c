import { sha256 } from "../../files/nodeSha256.js";
import type { ModelFiles } from "../../weights/folder/modelFiles.js";
import { openNodeFile } from "../../weights/formats/nodeModelFolder.js";
import type { Weights } from "../../weights/formats/weights.js";
import { modelHash } from "../../weights/modelHash.js";

/** Ten hexadecimal digits for each network of a model (see `modelHash`), and for its scheduler's settings. */
export async function modelHashes(files: ModelFiles): Promise<{
	unet: string;
	textEncoder: string;
	vae: string;
	scheduler: string;
}> {
	return {
		unet: files.hash,
		textEncoder: await hashOf(files.textEncoder.weights),
		vae: await hashOf(files.vae.weights),
		scheduler: sha256(JSON.stringify(files.scheduler.config ?? null)).slice(
			0,
			10,
		),
	};
}

function hashOf(weights: Weights): Promise<string> {
	return modelHash(weights, (key) => {
		const file = weights.files.get(key);
		if (!file || !("path" in file))
			throw new TypeError(`${weights.label}: ${key} is not on disk`);
		return openNodeFile(file.path);
	});
}
