import { vegaSvg } from "../../plots/vegaSvg.js";
import { stepStateWord } from "../../propagation/stepState.js";
import { type FrontAxis, type FrontPoint, timesFaster } from "./frontPoint.js";

/**
 * The points as a table in plain text, sorted by cost within each series: times cheaper by the costs of the states, times faster
 * and UNet seconds an image as measured, error of the latents, and how far the images are.
 */
export function frontTable(points: readonly FrontPoint[]): string {
	const withLpips = points.some(({ lpips }) => lpips !== undefined);
	const rows = points
		.toSorted(
			// by code units: the same on every machine
			(a, b) =>
				Number(a.series > b.series) - Number(a.series < b.series) ||
				a.speedup - b.speedup,
		)
		.map((point) => [
			point.label,
			`${point.speedup.toFixed(2)}x`,
			`${point.measuredSpeedup.toFixed(2)}x`,
			point.seconds.toFixed(3),
			point.error.estimate.toFixed(4),
			`${point.error.low.toFixed(4)}–${point.error.high.toFixed(4)}`,
			point.psnr.toFixed(1),
			...(withLpips ? [point.lpips?.toFixed(4) ?? ""] : []),
		]);
	const head = [
		"plan",
		"cheaper",
		"faster",
		"UNet s",
		"error",
		"95 %",
		"PSNR dB",
		...(withLpips ? ["LPIPS"] : []),
	];
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

/** Errors below this are rounding. */
const LEAST_DRAWN = 1e-4;

/** Error over speed-up, every series on the same axes, as an SVG document. */
export function frontSvg(
	points: readonly FrontPoint[],
	title: string,
	axis: FrontAxis,
): Promise<string> {
	// a run that is the plain one has no place on a logarithmic axis
	const values = points
		.filter(({ error }) => error.estimate > LEAST_DRAWN)
		.map((point) => ({
			series: point.series,
			label: point.label,
			speedup: timesFaster(point, axis),
			error: point.error.estimate,
			low: Math.max(point.error.low, LEAST_DRAWN),
			high: point.error.high,
		}));
	const x = {
		field: "speedup",
		type: "quantitative",
		title:
			axis === "cost"
				? "times cheaper than the plain run (UNet)"
				: "times faster than the plain run (UNet, measured)",
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
				transform: [
					{
						filter: {
							field: "series",
							oneOf: ["tuned", "tuned, two states", "fewer steps", "adaptive"],
						},
					},
				],
				mark: { type: "line" },
				encoding: { x, y: y("error"), color },
			},
			{
				mark: { type: "point", filled: true, size: 45 },
				encoding: { x, y: y("error"), color },
			},
		],
	});
}

/** The points as JSON values, for those who want to go on with them. */
export function frontJson(points: readonly FrontPoint[]): unknown[] {
	return points.map(({ plan, ...point }) => ({
		...point,
		...(plan
			? {
					states: plan.states.map(stepStateWord).join(),
					extrapolation: plan.extrapolation,
				}
			: {}),
	}));
}
