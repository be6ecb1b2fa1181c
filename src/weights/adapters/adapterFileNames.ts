import { shorten } from "../../errors/shorten.js";
import { UserError } from "../../errors/userError.js";

/** The names that diffusers and PEFT give adapters and embeddings, the best first. */
export const usualNames: readonly string[] = [
	"pytorch_lora_weights.safetensors",
	"adapter_model.safetensors",
	"learned_embeds.safetensors",
	"pytorch_lora_weights.bin",
	"adapter_model.bin",
	"learned_embeds.bin",
];

/** What PEFT writes beside an adapter. */
export const PEFT_CONFIG = "adapter_config.json";

/** How the names of adapters' files end. */
export const ADAPTER_ENDING = /\.(safetensors|bin|pt|pth|ckpt)$/i;

/** The adapter among the files of a folder: one of a usual name, or the only one; undefined where it is not told. */
export function adapterAmong(paths: readonly string[]): string | undefined {
	const usual = usualNames.find((name) => paths.includes(name));
	if (usual) return usual;
	const own = paths.filter((path) => /^[^/]+\.safetensors$/i.test(path));
	return own.length === 1 ? own[0] : undefined;
}

/**
 * The adapter among the files of a folder.
 * @throws UserError when there is none, or which is meant is not told.
 */
export function chosenAdapter(paths: readonly string[], label: string): string {
	const chosen = adapterAmong(paths);
	if (chosen) return chosen;
	const some = paths.filter((path) => ADAPTER_ENDING.test(path));
	throw new UserError(
		some.length > 0
			? `${label} holds ${some.length} files: name one, as in ${label}/${shorten(some[0])}`
			: `${label} holds no adapter (a .safetensors file)`,
		{ code: "usage" },
	);
}
