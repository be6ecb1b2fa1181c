import { logsOf } from "../../src/tuning/search/students.js";
import { markdownTable } from "../markdownTable.js";
import { type CaptionBatch, relativeErrors, type Way } from "./drawings.js";
import { drawnBatches } from "./drawn.js";
import { mean } from "./judge.js";
import { chosenPlans, plainOf, type Study } from "./study.js";
import type { StudyRun } from "./studyRuns.js";

/**
 * Whether it can be foreseen which pictures a plan changes, by what is known before the plain run is drawn: by cheaper runs of the
 * same picture, or by the caption. And what it would bring to draw those pictures plainly. As Markdown.
 */
export async function foresight(study: Study, run: StudyRun): Promise<string> {
	const { drawings } = study;
	const plain = plainOf(run);
	const { seeds } = await drawnBatches(study, run);
	const plans = (await chosenPlans(study, run)).map(({ calls, simple }) => ({
		calls,
		way: { sampler: run.sampler, keySteps: simple.words },
	}));
	const distances = async (
		batches: readonly CaptionBatch[],
		a: Way,
		b: Way,
	) => {
		const all: number[] = [];
		for (const batch of batches)
			all.push(
				...relativeErrors(
					await drawings.latents(a, batch),
					await drawings.latents(b, batch),
					batch.captions.length,
				),
			);
		return all;
	};
	const foreseen: string[][] = [];
	const policies: string[][] = [];
	const judged = plans.filter(({ calls }) => calls >= 8);
	const errors = new Map<number, number[][]>();
	for (const { calls, way } of plans) {
		const own: number[][] = [];
		for (const batches of seeds) own.push(await distances(batches, way, plain));
		errors.set(calls, own);
	}
	for (const { calls, way } of judged) {
		const own = errors.get(calls) ?? [];
		const add = (by: string, cost: string, values: readonly number[]) =>
			foreseen.push([
				`${calls} calls`,
				by,
				cost,
				rankCorrelation(values, own.flat()).toFixed(2),
			]);
		for (const other of plans) {
			if (other.calls >= calls) continue;
			const gaps: number[] = [];
			for (const batches of seeds)
				gaps.push(...(await distances(batches, way, other.way)));
			add(
				`its distance to a run of ${other.calls} calls`,
				String(calls + other.calls),
				gaps,
			);
			for (const share of [0.1, 0.25, 0.5]) {
				const limit = gaps.toSorted((a, b) => b - a)[
					Math.floor(share * gaps.length)
				];
				const left = own
					.flat()
					.map((error, n) => (gaps[n] >= limit ? 0 : error));
				policies.push([
					(calls + other.calls + share * run.steps).toFixed(1),
					`${calls} and ${other.calls} calls, the ${100 * share} % that differ most drawn plainly`,
					mean(left).toFixed(3),
					worst(left).toFixed(2),
				]);
			}
		}
		add(
			"the caption's length",
			"0",
			seeds.flatMap((batches) =>
				batches.flatMap((batch) =>
					batch.captions.map((caption) => caption.length),
				),
			),
		);
		if (own.length > 1) {
			const others = own.flatMap((_, n) =>
				own[0].map((__, caption) =>
					mean(
						logsOf(
							own.filter((___, k) => k !== n).map((errors) => errors[caption]),
						),
					),
				),
			);
			add("the same caption's error from other noise", "–", others);
		}
		policies.push([
			String(calls),
			`${calls} calls`,
			mean(own.flat()).toFixed(3),
			worst(own.flat()).toFixed(2),
		]);
	}
	return [
		markdownTable(
			[
				"plan",
				"foreseen by",
				"calls in all",
				"rank correlation with its error",
			],
			foreseen,
			["---", "---", "---:", "---:"],
		),
		markdownTable(
			["calls in the mean", "how", "error", "worst tenth"],
			policies,
			["---:", "---", "---:", "---:"],
		),
	].join("\n\n");
}

/** Mean over the tenth of the values that is greatest. */
function worst(values: readonly number[]): number {
	return mean(
		values.toSorted((a, b) => b - a).slice(0, Math.ceil(values.length / 10)),
	);
}

/** Spearman's rank correlation, ties by their mean rank. */
export function rankCorrelation(
	a: readonly number[],
	b: readonly number[],
): number {
	const [x, y] = [ranks(a), ranks(b)];
	const middle = (a.length - 1) / 2;
	let product = 0;
	let first = 0;
	let second = 0;
	for (const n of x.keys()) {
		product += (x[n] - middle) * (y[n] - middle);
		first += (x[n] - middle) ** 2;
		second += (y[n] - middle) ** 2;
	}
	return product / Math.sqrt(first * second);
}

function ranks(values: readonly number[]): number[] {
	const order = values.map((value, n) => [value, n]).sort(([a], [b]) => a - b);
	const found = new Array<number>(values.length);
	for (let from = 0; from < order.length; ) {
		let to = from;
		while (to + 1 < order.length && order[to + 1][0] === order[from][0]) to++;
		for (let n = from; n <= to; n++) found[order[n][1]] = (from + to) / 2;
		from = to + 1;
	}
	return found;
}
