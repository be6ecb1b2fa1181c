import { UserError } from "../errors/userError.js";
import type { ModelFiles, OpenModelOptions } from "./modelFiles.js";

/**
 * The files of the model at `where`: a diffusers folder, a single `.safetensors` checkpoint or a Hub id
 * (`owner/name[@revision]`). A path that exists wins over a Hub id of the same spelling.
 * @throws UserError when it is none of these, or something in it is missing or malformed.
 */
export async function openModel(
	where: string,
	_options: OpenModelOptions = {},
): Promise<ModelFiles> {
	throw new UserError(`${where}: not yet`);
}
