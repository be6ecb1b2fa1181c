import { vegaSvg } from "../plots/vegaSvg.js";
import type { Figure, MethodResults } from "./results.js";

/** Labels of points that follow each other on the axis stand at different heights, in pixels from the point. */
const LABEL_HEIGHTS = [-10, 14, -24, 28, -38, 42];

/** Whether no other method is both faster and better. */
function isBest(
	seconds: number,
	value: number,
	all: readonly { seconds: number; value: number }[],
	lowerIsBetter: boolean,
): boolean {
	const better = (a: number, b: number) => (lowerIsBetter ? a < b : a > b);
	return !all.some(
		(other) =>
			(other.seconds < seconds && !better(value, other.value)) ||
			(other.seconds === seconds && better(other.value, value)),
	);
}

/**
 * Quality against seconds an image, as SVG: a labelled point a method, with whiskers; shapes tell samplers apart, and a line joins
 * the methods that no other one beats in both.
 */
export async function paretoPlot(
	methods: readonly MethodResults[],
	title: string,
	value: (method: MethodResults) => Figure | undefined,
	lowerIsBetter: boolean,
): Promise<string> {
	const points = methods.flatMap((method) => {
		const figure = value(method);
		const { median, lowQuartile, highQuartile } = method.timing.seconds;
		return figure
			? [
					{
						name: method.name,
						sampler: method.sampler,
						seconds: median,
						from: lowQuartile,
						to: highQuartile,
						value: figure.value,
						low: figure.low ?? figure.value,
						high: figure.high ?? figure.value,
					},
				]
			: [];
	});
	const bySeconds = [...points].sort((a, b) => a.seconds - b.seconds);
	const values = points.map((point) => ({
		...point,
		best: isBest(point.seconds, point.value, points, lowerIsBetter),
		label: bySeconds.indexOf(point) % LABEL_HEIGHTS.length,
	}));
	const x = {
		field: "seconds",
		type: "quantitative",
		title: "seconds an image (median)",
		scale: { zero: false, padding: 30 },
	} as const;
	const y = {
		field: "value",
		type: "quantitative",
		title,
		scale: { zero: false, padding: 20, reverse: lowerIsBetter },
	} as const;
	return vegaSvg({
		data: { values },
		width: 860,
		height: 420,
		layer: [
			{
				transform: [{ filter: "datum.best" }],
				mark: { type: "line", color: "#888", strokeDash: [4, 3] },
				encoding: { x, y, order: { field: "seconds" } },
			},
			{
				mark: { type: "rule", color: "#777" },
				encoding: { x, y: { ...y, field: "low" }, y2: { field: "high" } },
			},
			{
				mark: { type: "rule", color: "#777" },
				encoding: { x: { ...x, field: "from" }, x2: { field: "to" }, y },
			},
			{
				mark: {
					type: "point",
					size: 110,
					filled: true,
					color: "#222",
					opacity: 1,
				},
				encoding: {
					x,
					y,
					shape: { field: "sampler", type: "nominal", title: "sampler" },
				},
			},
			...LABEL_HEIGHTS.map((dy, label) => ({
				transform: [{ filter: `datum.label == ${label}` }],
				mark: {
					type: "text" as const,
					align: "left" as const,
					dx: 7,
					dy,
					fontSize: 11,
				},
				encoding: { x, y, text: { field: "name" } },
			})),
		],
	});
}
