import type { ResolvedProtocol } from "../../datasets/protocol.js";
import { hesselClipScores } from "../../metrics/clipScore.js";
import type { ImageRecord } from "../run/record.js";
import { csvField } from "./csvField.js";

const HEADER = [
	"index",
	"image_id",
	"caption_id",
	"seed",
	"method",
	"clip_score_hessel",
	"clip_score_torchmetrics",
	"psnr_to_plain",
	"ssim_to_plain",
	"lpips_to_plain",
	"seconds",
	"network_seconds",
	"caption",
];

/** One row an image: what was measured of it, to plot and filter elsewhere. */
export function imagesCsv(
	{ entries }: ResolvedProtocol,
	methods: readonly { readonly name: string }[],
	record: (index: number, method: string) => ImageRecord,
): string {
	const lines = [HEADER.join(",")];
	for (const [index, entry] of entries.entries())
		for (const { name } of methods) {
			const { cosine, prefixedCosine, fidelity, cost } = record(index, name);
			lines.push(
				[
					index,
					entry.imageId,
					entry.captionId,
					entry.seed,
					name,
					prefixedCosine === undefined
						? undefined
						: hesselClipScores([prefixedCosine])[0],
					cosine === undefined ? undefined : 100 * cosine,
					fidelity?.psnr,
					fidelity?.ssim,
					fidelity?.lpips,
					cost.seconds,
					cost.networkSeconds,
					entry.caption,
				]
					.map(csvField)
					.join(","),
			);
		}
	return `${lines.join("\n")}\n`;
}
