import { sha256 } from "../../files/nodeSha256.js";
import type { ModelFiles } from "../../weights/folder/modelFiles.js";
import { openNodeWeightFile } from "../../weights/formats/nodeModelFolder.js";
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
		textEncoder: await modelHash(
			files.networks.text_encoder.weights,
			openNodeWeightFile,
		),
		vae: await modelHash(files.networks.vae.weights, openNodeWeightFile),
		scheduler: sha256(JSON.stringify(files.scheduler.config ?? null)).slice(
			0,
			10,
		),
	};
}
