import { hesselPrefix } from "../../metrics/clipScore.js";
import type { RunDefinition } from "../run/runDefinition.js";
import type { MethodResults } from "./results.js";

type Scoring = RunDefinition["scoring"];

/** Whether the MMD of CLIP embeddings is CMMD by its definition, which has CLIP ViT-L/14 at 336 pixels. */
export function isCmmd({ clip }: Scoring): boolean {
	return clip?.imageSize === 336 && clip.width === 768;
}

/** What the MMD of CLIP embeddings is called. */
export const clipMmdName = (scoring: Scoring): string =>
	isCmmd(scoring) ? "CMMD" : "MMD of CLIP features";

/** What each figure of a run is: whose definition, with which network. By its name in the results; only what was computed. */
export function measureWords(
	scoring: Scoring,
	methods: readonly MethodResults[],
): Record<string, string> {
	const words: Record<string, string> = {};
	const { clip, inception, lpips } = scoring;
	const has = (name: keyof MethodResults) =>
		methods.some((method) => method[name] !== undefined);
	if (inception) {
		words.fid = `FID: Fréchet distance of Inception features; ${inception.madeWith}.`;
		const kid = methods.find((method) => method.kid)?.kid;
		if (kid)
			words.kid = `KID as torch-fidelity computes it: unbiased, kernel (x·y / 2048 + 1)³, mean ± standard deviation over ${kid.subsets} subsets of ${kid.subsetSize}, those that numpy draws for seed 2020; the same Inception features.`;
		const score = methods.find(
			(method) => method.inceptionScore,
		)?.inceptionScore;
		if (score)
			words.inceptionScore = `Inception score as torch-fidelity computes it: mean ± standard deviation over ${score.splits} parts.`;
	}
	if (clip) {
		words.clipScore = `CLIP score: 2.5 max(cos, 0), caption after "${hesselPrefix}" (Hessel et al.); CLIP ${clip.weights}.`;
		words.clipCosine = "CLIP 100 cos: of the caption as it is (torchmetrics).";
		words.clipFrechet =
			"Fréchet distance (CLIP features): of CLIP image embeddings; it is no FID and comparable only within this table.";
		if (has("clipMmd"))
			words.clipMmd = isCmmd(scoring)
				? "CMMD: 1000 x the squared MMD of normalized CLIP ViT-L/14-336 image embeddings, Gaussian kernel, σ 10, biased (Jayasumana et al.)."
				: "MMD of CLIP features: computed as CMMD is (x 1000, Gaussian kernel, σ 10, biased), but with another CLIP than CMMD's ViT-L/14 at 336 pixels: it is no CMMD and comparable only within this table.";
	}
	words.psnr =
		"PSNR: 8-bit RGB against the plain image of the same seed, dB, mean over images that are not identical.";
	words.ssim =
		"SSIM: Wang et al. (Gaussian 11 x 11, σ 1.5), against the plain image of the same seed.";
	if (lpips)
		words.lpips = `LPIPS 0.1 (${lpips.trunk}, weights ${lpips.weights}) to the plain image of the same seed.`;
	return words;
}
