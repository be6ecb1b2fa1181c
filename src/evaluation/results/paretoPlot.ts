import { vegaSvg } from "../../plots/vegaSvg.js";
import type { Figure, MethodResults } from "./results.js";

/** Numbers beside points nearer than this share of both axes stand at different sides of them. */
const NEAR = 0.03;
/** Where numbers stand: pixels from the point. */
const SIDES = [
	{ dx: 8, dy: -8, align: "left" },
	{ dx: -8, dy: -8, align: "right" },
	{ dx: 8, dy: 10, align: "left" },
	{ dx: -8, dy: 10, align: "right" },
] as const;

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
 * Quality against seconds an image, as SVG: a point a method with its number (1 for the first one), with whiskers; shapes tell
 * samplers apart, and a line joins the methods that no other one beats in both, whose points are full.
 */
export async function paretoPlot(
	methods: readonly MethodResults[],
	title: string,
	value: (method: MethodResults) => Figure | undefined,
	lowerIsBetter: boolean,
): Promise<string> {
	const points = methods.flatMap((method, position) => {
		const figure = value(method);
		const { median, lowQuartile, highQuartile } = method.timing.seconds;
		return figure
			? [
					{
						number: String(position + 1),
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
	const reach = (values: readonly number[]) =>
		Math.max(...values) - Math.min(...values);
	const width = reach(points.flatMap(({ from, to }) => [from, to]));
	const height = reach(points.flatMap(({ low, high }) => [low, high]));
	const values = points.map((point, position) => ({
		...point,
		best: isBest(point.seconds, point.value, points, lowerIsBetter),
		side:
			points
				.slice(0, position)
				.filter(
					({ seconds, value }) =>
						Math.abs(seconds - point.seconds) <= NEAR * width &&
						Math.abs(value - point.value) <= NEAR * height,
				).length % SIDES.length,
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
					stroke: "#222",
					strokeWidth: 1.5,
					opacity: 1,
				},
				encoding: {
					x,
					y,
					shape: { field: "sampler", type: "nominal", title: "sampler" },
					fill: {
						condition: { test: "datum.best", value: "#222" },
						value: "#fff",
					},
				},
			},
			...SIDES.map((side, index) => ({
				transform: [{ filter: `datum.side == ${index}` }],
				mark: { type: "text" as const, fontSize: 12, ...side },
				encoding: { x, y, text: { field: "number" } },
			})),
		],
	});
}
