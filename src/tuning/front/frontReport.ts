import { vegaSvg } from "../../plots/vegaSvg.js";
import { bestFewer, type FrontPoint } from "./frontPoint.js";

/** The points as a table in plain text, the most calls first. */
export function frontTable(points: readonly FrontPoint[]): string {
	const head = [
		"plan",
		"calls",
		"error",
		"95 %",
		"median",
		"worst tenth",
		"PSNR dB",
		"its tenth",
		"UNet s",
	];
	const rows = points
		.toSorted((a, b) => b.calls - a.calls || a.logError - b.logError)
		.map((point) => [
			point.series,
			String(point.calls),
			point.error.estimate.toFixed(4),
			`${point.error.low.toFixed(4)}–${point.error.high.toFixed(4)}`,
			point.medianError.toFixed(4),
			point.worstError.toFixed(4),
			point.psnr.median.toFixed(1),
			point.psnr.tenth.toFixed(1),
			point.seconds.toFixed(3),
		]);
	const widths = head.map((word, column) =>
		Math.max(word.length, ...rows.map((row) => row[column].length)),
	);
	return [head, ...rows]
		.map((row) =>
			row
				.map((cell, column) =>
					column === 0
						? cell.padEnd(widths[column])
						: cell.padStart(widths[column]),
				)
				.join("  ")
				.trimEnd(),
		)
		.join("\n");
}

/** What the comparison says of each tuned plan beside the best grid of fewer steps, in sentences. */
export function frontWords(points: readonly FrontPoint[]): string {
	return points
		.filter(({ series }) => series === "tuned")
		.flatMap((tuned) => {
			const fewer = bestFewer(points, tuned.calls);
			if (!fewer) return [];
			const share = Math.exp(tuned.logError - fewer.logError);
			return `With ${tuned.calls} calls the tuned plan errs ${share.toFixed(2)} times as much as the best grid of fewer steps (${fewer.series}, ${fewer.calls}; geometric means)${share > 1 ? ": fewer steps are better" : ""}.`;
		})
		.join("\n");
}

/** Errors below this are rounding. */
const LEAST_DRAWN = 1e-4;

/** Error over calls, every series on the same axes, as an SVG document. */
export function frontSvg(
	points: readonly FrontPoint[],
	title: string,
): Promise<string> {
	const values = points
		.filter(({ error }) => error.estimate > LEAST_DRAWN)
		.map((point) => ({
			series: point.series,
			calls: point.calls,
			error: point.error.estimate,
			low: Math.max(point.error.low, LEAST_DRAWN),
			high: point.error.high,
		}));
	const x = {
		field: "calls",
		type: "quantitative",
		title: "network calls an image",
		scale: { zero: false },
	} as const;
	const y = (field: string) =>
		({
			field,
			type: "quantitative",
			title: "relative error of the final latents",
			scale: { type: "log" },
		}) as const;
	const color = {
		field: "series",
		type: "nominal",
		scale: { scheme: "tableau10" },
		legend: { title: null, labelLimit: 300, symbolOpacity: 1 },
	} as const;
	return vegaSvg({
		title,
		width: 520,
		height: 340,
		data: { values },
		layer: [
			{
				mark: { type: "rule", opacity: 0.4 },
				encoding: { x, y: y("low"), y2: { field: "high" }, color },
			},
			{
				mark: { type: "line", point: { filled: true, size: 45 } },
				encoding: { x, y: y("error"), color },
			},
		],
	});
}

/** The points as JSON values, for those who want to go on with them. */
export function frontJson(points: readonly FrontPoint[]): unknown[] {
	return points.map(({ plan, ...point }) => ({ ...point, plan: plan.label }));
}
