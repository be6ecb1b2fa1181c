import { csvField } from "./csvField.js";
import type { Figure, Results } from "./results.js";

/** One row a method, one column a figure; empty where there is none. */
export function resultsCsv({ methods }: Results): string {
	const figures = (name: string, figure: Figure | undefined) =>
		[
			[name, figure?.value],
			[`${name}_low`, figure?.low],
			[`${name}_high`, figure?.high],
		] as const;
	const rows = methods.map((method) => [
		["method", method.name] as const,
		["sampler", method.sampler] as const,
		["steps", method.steps] as const,
		["images", method.images] as const,
		...figures("fid", method.fid),
		...figures("kid", method.kid),
		["kid_deviation", method.kid?.deviation] as const,
		["inception_score", method.inceptionScore?.value] as const,
		["inception_score_deviation", method.inceptionScore?.deviation] as const,
		...figures("clip_frechet", method.clipFrechet),
		...figures("clip_mmd", method.clipMmd),
		...figures("clip_score_hessel", method.clipScore),
		...figures("clip_score_torchmetrics", method.clipCosine),
		["psnr_to_plain", method.fidelity?.psnr] as const,
		...figures("ssim_to_plain", method.fidelity?.ssim),
		...figures("lpips_to_plain", method.fidelity?.lpips),
		...figures("fid_minus_plain", method.difference?.fid),
		...figures("kid_minus_plain", method.difference?.kid),
		...figures("clip_frechet_minus_plain", method.difference?.clipFrechet),
		...figures("clip_mmd_minus_plain", method.difference?.clipMmd),
		...figures("clip_score_minus_plain", method.difference?.clipScore),
		["gflops", method.flops / 1e9] as const,
		["encoder_runs", method.encoderRuns] as const,
		["evaluations", method.evaluations] as const,
		["seconds_median", method.timing.seconds.median] as const,
		["seconds_q1", method.timing.seconds.lowQuartile] as const,
		["seconds_q3", method.timing.seconds.highQuartile] as const,
		["network_seconds_median", method.timing.networkSeconds.median] as const,
		...figures("speedup", method.timing.speedup),
	]);
	const header = rows[0]?.map(([name]) => name) ?? [];
	return `${[
		header,
		...rows.map((row) => row.map(([, value]) => csvField(value))),
	]
		.map((line) => line.join(","))
		.join("\n")}\n`;
}
