import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { writeWhole } from "../../src/files/nodeWriteWhole.js";
import { choosePlans } from "../../src/tuning/front/choosePlans.js";
import type { FrontPoint } from "../../src/tuning/front/frontPoint.js";
import { frontSvg } from "../../src/tuning/front/frontReport.js";
import {
	tunedPlanFile,
	tunedPlanName,
} from "../../src/tuning/front/tunedPlanFile.js";
import { mean } from "./judge.js";
import type { Study } from "./study.js";
import type { StudyRun } from "./studyRuns.js";
import type { Row } from "./tables.js";

/** The rows of a table but the plain run, as `fdiff tune` has them. */
export function frontPoints(
	{ pipeline }: Study,
	rows: readonly Row[],
): FrontPoint[] {
	return rows.flatMap(({ kind, label, way, calls, figures }) => {
		if (kind === "plain" || kind === "rival") return [];
		const { error, medianError, worstError, logs, psnr } = figures;
		const { plan } = pipeline.settings({ prompt: "", ...way });
		const series = kind === "simple" ? label : kind;
		const point: FrontPoint = {
			...{ series, calls, plan, error, medianError, worstError, psnr },
			logError: mean(logs),
			seconds: 0,
		};
		return [point];
	});
}

/** Errors over calls as an SVG document. */
export const frontFigure = (
	study: Study,
	{ sampler, steps }: StudyRun,
	rows: readonly Row[],
): Promise<string> =>
	frontSvg(
		frontPoints(study, rows).map((point) => ({
			...point,
			series: ["tuned", "paper"].includes(point.series)
				? point.series
				: "fewer steps, best grid",
		})),
		`${sampler}, ${steps} steps`,
	);

/**
 * Writes the plan of each quality of a run, by what all runs on captions that nothing was chosen by have shown, in the place of those that
 * are there.
 * @returns what was chosen, in words
 */
export async function shipPlans(
	study: Study,
	run: StudyRun,
	rows: readonly Row[],
	folder: string,
): Promise<string[]> {
	const { pipeline, captions } = study;
	const { guidanceScale } = pipeline.settings({
		prompt: "",
		sampler: run.sampler,
	});
	const all = frontPoints(study, rows).filter(
		({ series }) => series !== "paper",
	);
	// pictures say no to what errs less in the mean of the logarithms alone
	const points = all.filter(
		(point) =>
			point.series !== "tuned" ||
			!all.some(
				(simple) =>
					simple.series !== "tuned" &&
					simple.calls === point.calls &&
					simple.psnr.median > point.psnr.median &&
					simple.psnr.tenth > point.psnr.tenth,
			),
	);
	const tuned = {
		model: pipeline.hash,
		engine: pipeline.engine,
		precision: pipeline.precision,
		sampler: run.sampler,
		steps: run.steps,
		guidanceScale,
		seed: 1n,
		target: "plain",
		calibrationPrompts: captions.calibration.length,
		heldOutPrompts: rows[0].figures.captions,
	};
	const written: string[] = [];
	const names = new Set<string>();
	for (const [quality, point] of choosePlans(points)) {
		const file = tunedPlanFile(point, tuned, points);
		// one that is better than asked for is found by its own name
		if (file.quality !== quality) continue;
		const name = tunedPlanName(quality, tuned);
		const madeBy = {
			...(file.madeBy as object),
			command: "npm run study",
			seeds: rows[0].figures.seeds,
		};
		await writeWhole(
			join(folder, name),
			`${JSON.stringify({ ...file, madeBy }, undefined, "\t")}\n`,
			{ makeFolder: true },
		);
		names.add(name);
		written.push(`${name}: ${point.series}, ${point.calls} calls`);
	}
	const start = `${run.sampler}-${run.steps}-g${guidanceScale}-`;
	for (const name of await readdir(folder))
		if (name.startsWith(start) && name.endsWith(`-${pipeline.hash}.json`))
			if (!names.has(name)) await rm(join(folder, name));
	return written;
}
