import { vegaSvg } from "../plots/vegaSvg.js";
import { stepStateWord } from "../propagation/stepState.js";
import type { FrontPoint } from "./tunePlans.js";

/** The points as a table in plain text, sorted by cost within each series. */
export function frontTable(points: readonly FrontPoint[]): string {
	const rows = points
		.toSorted(
			(a, b) => a.series.localeCompare(b.series) || a.speedup - b.speedup,
		)
		.map((point) => [
			point.label,
			`${point.speedup.toFixed(2)}x`,
			point.seconds.toFixed(2),
			point.error.estimate.toFixed(4),
			`${point.error.low.toFixed(4)}–${point.error.high.toFixed(4)}`,
			point.psnr.toFixed(1),
		]);
	const head = ["plan", "faster", "UNet s", "error", "95 %", "PSNR dB"];
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

/** What the comparison says about the tuned plans, in sentences with their numbers. */
export function frontFindings(points: readonly FrontPoint[]): string[] {
	const of = (series: string) =>
		points.filter((point) => point.series === series);
	const best = (series: string, speedup: number) =>
		of(series)
			.filter((point) => point.speedup >= speedup * 0.999)
			.sort((a, b) => a.error.estimate - b.error.estimate)[0];
	const [paper] = of("paper");
	if (!paper) return [];
	const findings: string[] = [];
	const ratio = (a: FrontPoint, b: FrontPoint) =>
		(a.error.estimate / b.error.estimate).toFixed(2);
	const peer = best("tuned", paper.speedup);
	if (peer)
		findings.push(
			`At the paper plan's cost (${paper.speedup.toFixed(2)}x) the tuned plan's error is ${peer.error.estimate.toFixed(4)}, ${ratio(peer, paper)} of the paper plan's ${paper.error.estimate.toFixed(4)}.`,
		);
	const equal = of("tuned")
		.filter(({ error }) => error.estimate <= paper.error.estimate)
		.sort((a, b) => b.speedup - a.speedup)[0];
	if (equal)
		findings.push(
			`At no more than the paper plan's error a tuned plan is ${(equal.speedup / paper.speedup).toFixed(2)} times faster than it (${equal.speedup.toFixed(2)}x).`,
		);
	const twoState = best("tuned, two states", paper.speedup);
	if (twoState)
		findings.push(
			`With the paper's two states alone, tuned key steps and extrapolated features, the error at that cost is ${twoState.error.estimate.toFixed(4)}, ${ratio(twoState, paper)} of the paper plan's.`,
		);
	for (const tuned of of("tuned")) {
		const fewer = best("fewer steps", tuned.budget ?? tuned.speedup);
		if (!fewer || tuned.budget === undefined) continue;
		findings.push(
			`At ${tuned.budget.toFixed(2)}x the tuned plan errs by ${tuned.error.estimate.toFixed(4)}, ${fewer.label} (${fewer.speedup.toFixed(2)}x) by ${fewer.error.estimate.toFixed(4)}.`,
		);
	}
	return findings;
}

/** Errors below this are rounding. */
const LEAST_DRAWN = 1e-4;

/** Error over speed-up, every series on the same axes, as an SVG document. */
export function frontSvg(
	points: readonly FrontPoint[],
	title: string,
): Promise<string> {
	// a run that is the plain one has no place on a logarithmic axis
	const values = points
		.filter(({ error }) => error.estimate > LEAST_DRAWN)
		.map(({ series, label, speedup, error }) => ({
			series,
			label,
			speedup,
			error: error.estimate,
			low: Math.max(error.low, LEAST_DRAWN),
			high: error.high,
		}));
	const x = {
		field: "speedup",
		type: "quantitative",
		title: "times cheaper than the plain run (UNet)",
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
