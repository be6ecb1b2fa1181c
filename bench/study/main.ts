import { writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { exit, stderr, stdout } from "node:process";
import { parseArgs } from "node:util";
import { checkpoints } from "./checkpoints.js";
import type { CaptionBatch } from "./drawings.js";
import { foresight } from "./foresight.js";
import { seedBatches } from "./judge.js";
import { measureSeconds, readTimings } from "./seconds.js";
import { frontFigure, shipPlans } from "./shipPlans.js";
import { chosenPlans, drawBatches, openStudy } from "./study.js";
import {
	FEW_BATCHES,
	LONG_BATCHES,
	LONG_RUN,
	nameOf,
	STUDY_RUNS,
	type StudyRun,
} from "./studyRuns.js";
import { comparisons, rowsOf, table } from "./tables.js";

/*
 * Holds plans beside plain sampling with fewer steps, on captions that no plan was found by:
 *   npm run study -- OUT draw                 draws everything, and goes on where it was broken off
 *   npm run study -- OUT seconds              measures times in turns; the machine should be idle
 *   npm run study -- OUT tables               prints the tables of docs/analysis.md, draws its figures
 *   npm run study -- OUT plans                the same, and writes the plans of each quality into the model's folder
 *   npm run study -- OUT checkpoints MODEL …  how the plans do on other weights
 *   npm run study -- OUT foresight            whether it can be foreseen which pictures a plan changes
 * OUT may hold what `fdiff tune` keeps, as SAMPLER-STEPS.state.json: then what it found takes part.
 */
const TASKS = [
	"draw",
	"seconds",
	"tables",
	"plans",
	"checkpoints",
	"foresight",
];
const root = join(import.meta.dirname, "../../..");
const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: {
		threads: { type: "string", default: String(availableParallelism()) },
		/** The most captions of each kind. */
		captions: { type: "string" },
		/** One run alone, as ddim-50. */
		only: { type: "string" },
		/** The most seeds that tables are made of: those that are drawn. */
		seeds: { type: "string", default: "3" },
		plans: { type: "string", default: join(root, "models/emoji/plans") },
	},
});
const [out, task, ...models] = positionals;
const threads = Number(values.threads);

if (!out || !TASKS.includes(task)) {
	stderr.write(
		`say where, and what: npm run study -- OUT ${TASKS.join(" | ")}\n`,
	);
	exit(2);
}
const runs = STUDY_RUNS.filter(
	(run) => values.only === undefined || nameOf(run) === values.only,
);
/** As tables are made of them. */
const studied = runs.map((run) => ({
	...run,
	seeds: Math.min(Number(values.seeds), run.seeds),
	wholly: values.captions === undefined,
}));
const study = await openStudy(
	root,
	out,
	threads,
	Number(values.captions ?? Number.POSITIVE_INFINITY),
);
const say = (words: string) =>
	stderr.write(`${new Date().toISOString().slice(11, 19)} ${words}\n`);

if (task === "draw") {
	for (const run of runs)
		for (const { calls, ranked } of await chosenPlans(study, run))
			say(
				`${nameOf(run)}, ${calls} calls: ${ranked.map(({ series, logError }) => `${series} ${Math.exp(logError).toFixed(4)}`).join(", ")}`,
			);
	const first = seedBatches(study.captions, 1);
	const draw = async (
		what: string,
		drawn: readonly StudyRun[],
		batches: readonly CaptionBatch[],
		paper = true,
	) => {
		for (const run of drawn) {
			say(`${nameOf(run)}, ${what}`);
			const { scored } = run;
			await drawBatches(study, run, batches, {
				paper,
				scored: scored && paper,
			});
		}
	};
	await draw("first captions", runs, first.unseen.slice(0, FEW_BATCHES));
	say("long runs");
	for (const batch of first.unseen.slice(0, LONG_BATCHES))
		await study.drawings.latents({ ...LONG_RUN, keySteps: "all" }, batch);
	const scored = runs.filter((run) => run.scored);
	await draw("all captions that nothing was chosen by", scored, first.unseen);
	await draw("calibration captions", scored, first.calibration);
	await draw("all captions", runs, first.unseen);
	// what is far off is so with one seed
	for (let seed = 2; seed <= 3; seed++)
		await draw(
			`seed ${seed}`,
			runs.filter(({ seeds }) => seeds >= seed),
			seedBatches(study.captions, seed).unseen,
			false,
		);
	say("done");
} else if (task === "seconds") await measureSeconds(study, runs, out);
else if (task === "checkpoints")
	stdout.write(`${await checkpoints(study, out, models, threads)}\n`);
else if (task === "foresight") {
	for (const run of studied.filter(({ published }) => published))
		stdout.write(`\n${nameOf(run)}\n\n${await foresight(study, run)}\n`);
} else {
	const timings = await readTimings(out);
	for (const run of studied) {
		const rows = await rowsOf(study, run, timings);
		stdout.write(`\n${table(run, rows)}\n\n`);
		for (const line of comparisons(rows)) stdout.write(`- ${line}\n`);
		await writeFile(
			join(out, `front-${nameOf(run)}.svg`),
			await frontFigure(study, run, rows),
		);
		if (task === "plans")
			for (const line of await shipPlans(study, run, rows, values.plans))
				stdout.write(`- ${line}\n`);
	}
}
await study.pipeline.release();
await study.clip.release();
