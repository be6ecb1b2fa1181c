import { join } from "node:path";
import { type Command, Option } from "commander";
import type { ScorerOptions } from "../evaluation/scoring/nodeScorer.js";
import {
	type FidVariant,
	fidVariants,
} from "../metrics/inceptionPreprocessing.js";
import { type LpipsTrunk, lpipsTrunks } from "../models/lpips.js";
import { embeddedModelsFolder } from "../weights/nodeEmbeddedModels.js";
import type { GenerationFlags } from "./generationFlags.js";

/** Flags of the networks that judge images, the same for an evaluation and for its workers. */
export interface ScoringFlags {
	readonly clip?: string | false;
	readonly fid?: FidVariant | "none";
	readonly inceptionWeights?: string;
	readonly lpipsWeights?: string[];
	readonly lpipsTrunk: LpipsTrunk;
}

/** Adds the flags that `scoringOptions` reads. */
export function addScoringFlags(command: Command): void {
	command
		.option(
			"--clip <dir|hub id>",
			"CLIP model that scores (default: the embedded one with the embedded set, else openai/clip-vit-base-patch32)",
		)
		.option("--no-clip", "no CLIP score")
		.addOption(
			new Option(
				"--fid <variant>",
				"whose FID (default: torch-fidelity, none with the embedded set)",
			).choices([...fidVariants, "none"]),
		)
		.option(
			"--inception-weights <file>",
			"FID's Inception (.pth, .safetensors)",
		)
		.option(
			"--lpips-weights <file...>",
			"LPIPS to the plain image: weights of its trunk and its own",
		)
		.addOption(
			new Option("--lpips-trunk <name>", "network of LPIPS")
				.choices(lpipsTrunks)
				.default("alex"),
		);
}

/** The judges that the flags ask for; `embedded`: by default the embedded CLIP and no Inception, which knows other pictures. */
export function scoringOptions(
	flags: ScoringFlags & Pick<GenerationFlags, "device" | "threads">,
	embedded: boolean,
): ScorerOptions {
	const fid = flags.fid ?? (embedded ? "none" : "torch-fidelity");
	const usual = embedded
		? join(embeddedModelsFolder, "emoji-clip")
		: "openai/clip-vit-base-patch32";
	return {
		clip: flags.clip === false ? undefined : (flags.clip ?? usual),
		...(fid === "none" ? {} : { fid }),
		inceptionWeights: flags.inceptionWeights,
		...(flags.lpipsWeights
			? { lpips: { trunk: flags.lpipsTrunk, files: flags.lpipsWeights } }
			: {}),
		device: flags.device,
		threads: flags.threads,
	};
}
