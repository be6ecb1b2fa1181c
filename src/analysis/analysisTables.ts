import { meanAndDeviation } from "../metrics/meanAndDeviation.js";
import type { DoubleArray } from "../tensor/npy.js";
import type { Analysis, AnalyzedBlock, Guidance } from "./analyzePrompts.js";
import type { BlockStatistics } from "./blockStatistics.js";

/** The per-evaluation measures, in the words of the tables. */
export const MEASURES = [
	"relativeChange",
	"meanSquaredDifference",
	"cosine",
	"norm",
] as const;
export type Measure = (typeof MEASURES)[number];

/** One measure of one block at one evaluation, over prompts. */
export interface ChangeRow {
	readonly block: string;
	readonly half: string;
	readonly kind: string;
	readonly guidance: Guidance;
	readonly evaluation: number;
	readonly timestep: number;
	readonly measure: Measure;
	readonly mean: number;
	/** Standard deviation over prompts. */
	readonly deviation: number;
}

/** All measures in long form; changes have no value at the first evaluation. */
export function changeRows(analysis: Analysis): ChangeRow[] {
	const rows: ChangeRow[] = [];
	for (const { name, half, kind, statistics } of analysis.blocks)
		for (const guidance of analysis.guidance)
			for (const measure of MEASURES)
				for (const [evaluation, timestep] of analysis.timesteps.entries()) {
					const values = (statistics[guidance] ?? []).map(
						(own) => own[measure][evaluation],
					);
					if (values.some(Number.isNaN)) continue;
					const { mean, deviation } = meanAndDeviation(values);
					rows.push({
						block: name,
						half,
						kind,
						guidance,
						evaluation,
						timestep,
						measure,
						mean,
						deviation,
					});
				}
	return rows;
}

/** Rows of objects with the same keys as CSV. */
export function csv(rows: readonly object[]): string {
	if (rows.length === 0) return "";
	const cell = (value: unknown) => {
		const text = String(value);
		return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
	};
	return `${[
		Object.keys(rows[0]).join(),
		...rows.map((row) => Object.values(row).map(cell).join()),
	].join("\n")}\n`;
}

/** A measure of everything: `[prompts, guidance, blocks, evaluations]`. */
export function measureArray(
	{ prompts, guidance, blocks, timesteps }: Analysis,
	measure: Measure,
): DoubleArray {
	const dims = [
		prompts.length,
		guidance.length,
		blocks.length,
		timesteps.length,
	];
	const data = new Float64Array(dims.reduce((a, b) => a * b));
	let at = 0;
	for (let prompt = 0; prompt < prompts.length; prompt++)
		for (const own of guidance)
			for (const { statistics } of blocks) {
				data.set(statistics[own]?.[prompt][measure] ?? [], at);
				at += timesteps.length;
			}
	return { dims, data };
}

/** A steps x steps matrix of everything, mean over prompts: `[guidance, blocks, evaluations, evaluations]`. */
export function pairArray(
	{ guidance, blocks, timesteps }: Analysis,
	matrix: "similarity" | "relativeDistance",
): DoubleArray {
	const square = timesteps.length ** 2;
	const dims = [
		guidance.length,
		blocks.length,
		timesteps.length,
		timesteps.length,
	];
	const data = new Float64Array(guidance.length * blocks.length * square);
	let at = 0;
	for (const own of guidance)
		for (const block of blocks) {
			data.set(meanMatrix(block, own, matrix), at);
			at += square;
		}
	return { dims, data };
}

/** One block's steps x steps matrix, mean over prompts. */
export function meanMatrix(
	{ statistics }: AnalyzedBlock,
	guidance: Guidance,
	matrix: keyof Pick<BlockStatistics, "similarity" | "relativeDistance">,
): Float64Array {
	const all = statistics[guidance] ?? [];
	return all[0][matrix].map(
		(_, i) => all.reduce((sum, own) => sum + own[matrix][i], 0) / all.length,
	);
}

/** Spectra of features and images in long form. */
export function spectrumRows(analysis: Analysis) {
	const rows: {
		of: string;
		evaluation: number | "";
		frequency: number;
		power: number;
	}[] = [];
	for (const { name, spectra } of analysis.blocks)
		for (const [n, { frequencies, power }] of spectra.entries())
			for (const [ring, frequency] of frequencies.entries())
				rows.push({
					of: name,
					evaluation: analysis.shownEvaluations[n],
					frequency,
					power: power[ring],
				});
	for (const [kind, { frequencies, power }] of Object.entries(
		analysis.imageSpectra,
	))
		for (const [ring, frequency] of frequencies.entries())
			rows.push({
				of: `images, ${kind}`,
				evaluation: "",
				frequency,
				power: power[ring],
			});
	return rows;
}
