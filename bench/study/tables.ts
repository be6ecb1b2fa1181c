import { bootstrapMean } from "../../src/metrics/bootstrap.js";
import { markdownTable } from "../markdownTable.js";
import type { CaptionBatch } from "./drawings.js";
import { type Drawn, drawnBatches } from "./drawn.js";
import { type Figures, figures, judge, mean, type Scores } from "./judge.js";
import type { Timings } from "./seconds.js";
import {
	type Finalist,
	finalists,
	plainOf,
	realFeatures,
	rivals,
	type Study,
} from "./study.js";
import type { StudyRun } from "./studyRuns.js";

/** A finalist with all that is known of it. */
export interface Row extends Finalist {
	readonly figures: Figures;
	/** Of runs that are scored. */
	readonly scores?: Scores;
	readonly seconds?: number;
}

/** What was found of a run, by what is drawn of it. */
export async function rowsOf(
	study: Study,
	run: StudyRun,
	timings: Timings,
): Promise<Row[]> {
	const { drawings, pictures } = study;
	const plain = plainOf(run);
	const { seeds, judged } = await drawnBatches(study, run);
	const scores =
		judged.length > 0
			? await judge(study.clip, await realFeatures(study), judged, pictures)
			: undefined;
	const rows: Row[] = [];
	for (const finalist of [
		...(await finalists(study, run)),
		...(await rivals(study, run)),
	]) {
		const { way, kind } = finalist;
		const unseen = kind === "paper" ? seeds.slice(0, 1) : seeds;
		rows.push({
			...finalist,
			figures: await figures(way, plain, unseen, drawings, pictures),
			...(scores && kind !== "rival" && { scores: await scores(way, plain) }),
			seconds: timings[JSON.stringify(way)],
		});
	}
	return rows;
}

/** What a run's table is made of, in words. */
export function basis({ seeds, judged }: Drawn): string {
	const captions = (batches: readonly CaptionBatch[]) =>
		batches.reduce((sum, batch) => sum + batch.captions.length, 0);
	return `${captions(seeds[0])} captions, ${seeds.length} ${seeds.length === 1 ? "seed" : "seeds"}, judged on ${captions(judged)} captions of the first seed`;
}

/** The rows of a run as a Markdown table. */
export function table(run: StudyRun, rows: readonly Row[]): string {
	const [plain] = rows;
	const head = [
		`${run.sampler}, ${run.steps} steps`,
		"calls",
		"error to plain (95 %)",
		"median",
		"worst tenth",
		"error to the long run",
		"PSNR to plain, median / tenth percentile, dB",
		"CLIP score, difference",
		"Fréchet distance (CLIP), difference",
		"s/image",
		"times as fast",
	];
	const lines = rows.map(
		({ label, kind, calls, figures: own, scores, seconds }) => {
			const isPlain = kind === "plain";
			const name = kind === "tuned" ? `**${label}**` : label;
			const faster =
				seconds && plain.seconds ? (plain.seconds / seconds).toFixed(2) : "–";
			return [
				name,
				String(calls),
				isPlain
					? "–"
					: interval(own.error.estimate, own.error.low, own.error.high, 3),
				isPlain ? "–" : own.medianError.toFixed(3),
				isPlain ? "–" : own.worstError.toFixed(2),
				own.longError.estimate.toFixed(3),
				isPlain
					? "–"
					: `${own.psnr.median.toFixed(1)} / ${own.psnr.tenth.toFixed(1)}`,
				!scores
					? "–"
					: isPlain
						? scores.clip.toFixed(4)
						: signed(scores.clipDifference, 4),
				!scores
					? "–"
					: isPlain
						? scores.frechet.toFixed(2)
						: signed(scores.frechetDifference, 2),
				seconds === undefined ? "–" : seconds.toFixed(3),
				faster,
			];
		},
	);
	return markdownTable(
		head,
		lines,
		head.map((_, n) => (n === 0 ? "---" : "---:")),
	);
}

/**
 * What each tuned plan is worth beside the best simple grid with as many calls, and beside the best of all runs with no more:
 * ratios of geometric mean errors.
 */
export function comparisons(rows: readonly Row[]): string[] {
	return rows.flatMap((tuned) => {
		if (tuned.kind !== "tuned") return [];
		const best = (own: readonly Row[]) =>
			own.toSorted((a, b) => mean(a.figures.logs) - mean(b.figures.logs))[0];
		const others = [
			best(
				rows.filter(
					({ kind, calls }) => kind === "simple" && calls === tuned.calls,
				),
			),
			best(
				rows.filter(
					({ kind, calls }) => kind === "rival" && calls <= tuned.calls,
				),
			),
		].filter((row) => row !== undefined);
		return others.map((other) => {
			const { estimate, low, high } = bootstrapMean(
				tuned.figures.logs.map((log, n) => log - other.figures.logs[n]),
			);
			const [ratio, from, to] = [estimate, low, high].map((value) =>
				Math.exp(value).toFixed(2),
			);
			return `${tuned.calls} calls: ${tuned.label} errs ${ratio} (${from}–${to}) times as much as ${other.label}, ${other.calls} calls`;
		});
	});
}

const interval = (value: number, low: number, high: number, digits: number) =>
	`${value.toFixed(digits)} (${low.toFixed(digits)}–${high.toFixed(digits)})`;

const signed = (
	{ value, low, high }: { value: number; low: number; high: number },
	digits: number,
) => {
	const word = (own: number) =>
		`${own < 0 ? "−" : "+"}${Math.abs(own).toFixed(digits)}`;
	return `${word(value)} (${word(low)} to ${word(high)})`;
};
