import { type FrontAxis, type FrontPoint, timesFaster } from "./frontPoint.js";

/** At the paper plan's cost a tuned plan should have at most this share of its error. */
const ERROR_SHARE = 0.7;
/** At the paper plan's error a tuned plan should be at least this many times faster. */
const FASTER = 1.3;
/** Budgets at which tuned plans should be closer to the plain run than fewer steps. */
const RANGE = [1.2, 2.5] as const;
/** Rounding of budgets, and noise of measured times between points that run the same. */
const TOLERANCE = 1e-3;

/** One sentence of the verdict; `holds` where it says whether something that was looked for is so. */
export interface Finding {
	readonly text: string;
	readonly holds?: boolean;
}

/** What "times faster" is on each axis. */
export const AXIS_WORDS: Readonly<Record<FrontAxis, string>> = {
	cost: "By summed costs of the steps' states",
	seconds: "By UNet seconds measured end to end, all in turn",
};

/**
 * Error of a series at a speed-up: on the line, straight over time and log error, between its two best points around it; of
 * its slowest point where that is faster. So a series is not judged by which speed-ups its points happen to have.
 * @returns undefined beyond the fastest point
 */
export function errorAt(
	points: readonly FrontPoint[],
	faster: number,
	axis: FrontAxis,
): number | undefined {
	const front = undominated(points, axis);
	const next = front.findIndex(
		(point) => timesFaster(point, axis) >= faster * (1 - TOLERANCE),
	);
	if (next < 0) return undefined;
	const b = front[next];
	const a = front[next - 1];
	if (!a || !(a.error.estimate > 0)) return b.error.estimate;
	const [ta, tb] = [1 / timesFaster(a, axis), 1 / timesFaster(b, axis)];
	const share = Math.min(1, (ta - 1 / faster) / (ta - tb));
	return (
		a.error.estimate *
		(b.error.estimate / a.error.estimate) ** Math.max(0, share)
	);
}

/** Points that no other is both faster and closer than, the slowest first. */
function undominated(
	points: readonly FrontPoint[],
	axis: FrontAxis,
): FrontPoint[] {
	const front: FrontPoint[] = [];
	for (const point of points.toSorted(
		(a, b) =>
			timesFaster(b, axis) - timesFaster(a, axis) ||
			a.error.estimate - b.error.estimate,
	))
		if (!front[0] || point.error.estimate < front[0].error.estimate)
			front.unshift(point);
	return front;
}

/** What the comparison says about the tuned plans, in sentences with their numbers, on one axis. */
export function frontFindings(
	points: readonly FrontPoint[],
	axis: FrontAxis,
): Finding[] {
	const of = (series: string) =>
		points.filter((point) => point.series === series);
	const [paper] = of("paper");
	if (!paper) return [];
	const findings: Finding[] = [];
	const times = (point: FrontPoint) => timesFaster(point, axis);
	const number = (value: number) => value.toFixed(4);
	const tuned = of("tuned");
	const paperError = paper.error.estimate;

	const peer = errorAt(tuned, times(paper), axis);
	if (peer !== undefined)
		findings.push({
			text: `At the paper plan's speed (${times(paper).toFixed(2)}x) tuned plans err by ${number(peer)}, the paper's by ${number(paperError)}${paperError > 0 ? ` (${(peer / paperError).toFixed(2)} of it; at most ${ERROR_SHARE} was looked for)` : ""}`,
			// at few steps the paper's plan is plain sampling itself
			...(paperError > 0 ? { holds: peer <= ERROR_SHARE * paperError } : {}),
		});
	const equal = tuned
		.filter(({ error }) => error.estimate <= paperError)
		.sort((a, b) => times(b) - times(a))[0];
	if (equal && paperError > 0)
		findings.push({
			text: `At no more than the paper plan's error a tuned plan is ${(times(equal) / times(paper)).toFixed(2)} times faster than it (${times(equal).toFixed(2)}x; ${FASTER} times was looked for)`,
			holds: times(equal) >= FASTER * times(paper),
		});
	const twoStates = errorAt(of("tuned, two states"), times(paper), axis);
	if (twoStates !== undefined && paperError > 0)
		findings.push({
			text: `With the paper's two states alone, tuned key steps and extrapolated features, the error at that speed is ${number(twoStates)}, ${(twoStates / paperError).toFixed(2)} of the paper plan's`,
		});
	const budgets = [
		...new Set(tuned.flatMap(({ budget }) => budget ?? [])),
	].sort((a, b) => a - b);
	const beaten: string[] = [];
	let compared = 0;
	for (const budget of budgets) {
		const own = errorAt(tuned, budget, axis);
		const fewer = errorAt(of("fewer steps"), budget, axis);
		if (own === undefined || fewer === undefined) continue;
		findings.push({
			text: `At ${budget.toFixed(2)}x tuned plans err by ${number(own)}, fewer steps by ${number(fewer)}${fewer > 0 ? ` (${(own / fewer).toFixed(2)} of it)` : ""}`,
		});
		if (budget < RANGE[0] - TOLERANCE || budget > RANGE[1] + TOLERANCE)
			continue;
		compared++;
		if (own >= fewer) beaten.push(`${budget.toFixed(2)}x`);
	}
	if (compared > 0)
		findings.push({
			text:
				beaten.length === 0
					? `Below fewer steps at all ${compared} budgets from ${RANGE[0]}x to ${RANGE[1]}x`
					: `Not below fewer steps at ${beaten.join(", ")}, of ${compared} budgets from ${RANGE[0]}x to ${RANGE[1]}x`,
			holds: beaten.length === 0,
		});
	return findings;
}

/** The findings as lines of text under a heading that says what "faster" means. */
export function verdictText(
	points: readonly FrontPoint[],
	axis: FrontAxis,
): string {
	const findings = frontFindings(points, axis);
	if (findings.length === 0) return "";
	return [
		`${AXIS_WORDS[axis]}:`,
		...findings.map(
			({ text, holds }) =>
				`- ${text}${holds === undefined ? "" : holds ? ": so it is" : ": not so"}.`,
		),
	].join("\n");
}
