import { UserError } from "../errors/userError.js";
import type { HubId } from "./hubId.js";
import type { ModelFiles, OpenModelOptions } from "./modelFiles.js";

export async function openHubModel(
	id: HubId,
	_options: OpenModelOptions,
): Promise<Omit<ModelFiles, "hash">> {
	throw new UserError(`${id.repo}: not yet`);
}
