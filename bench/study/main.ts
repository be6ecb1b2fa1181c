import { writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { exit, stderr, stdout } from "node:process";
import { parseArgs } from "node:util";
import { checkpoints } from "./checkpoints.js";
import { type Chosen, readChoices } from "./choose.js";
import type { CaptionBatch } from "./drawings.js";
import { drawnBatches } from "./drawn.js";
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
	SEEDS,
	STUDY_RUNS,
	type StudyRun,
} from "./studyRuns.js";
import { basis, comparisons, rowsOf, table } from "./tables.js";

/*
 * Holds plans beside plain sampling with fewer steps, on captions that no plan was found by:
 *   npm run study -- OUT draw                 draws everything, and goes on where it was broken off
 *   npm run study -- OUT seconds              measures times in turns; the machine should be idle
 *   npm run study -- OUT tables               prints the tables of docs/results.md by what is drawn, draws its figures
 *   npm run study -- OUT plans                the same, and writes the plans of each quality into the model's folder
 *   npm run study -- OUT checkpoints MODEL …  what general plans lose on these weights and on others
 *   npm run study -- OUT foresight            whether it can be foreseen which pictures a plan changes
 * `--choices FILE` takes the choices.json of a study of other weights and chooses nothing: do those plans hold on these weights?
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
		/** The choices.json of another study. */
		choices: { type: "string" },
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
const study = await openStudy(
	root,
	out,
	threads,
	Number(values.captions ?? Number.POSITIVE_INFINITY),
	values.choices === undefined ? {} : await readChoices(values.choices),
);
const say = (words: string) =>
	stderr.write(`${new Date().toISOString().slice(11, 19)} ${words}\n`);

if (task === "draw") {
	const choices: Record<string, readonly Chosen[]> = {};
	for (const run of runs) {
		choices[nameOf(run)] = await chosenPlans(study, run);
		for (const { calls, ranked } of choices[nameOf(run)])
			say(
				`${nameOf(run)}, ${calls} calls: ${ranked.map(({ series, logError }) => `${series} ${Math.exp(logError).toFixed(4)}`).join(", ")}`,
			);
	}
	await writeFile(join(out, "choices.json"), JSON.stringify(choices));
	const first = seedBatches(study.captions, 1);
	const draw = async (
		what: string,
		run: StudyRun,
		batches: readonly CaptionBatch[],
		judged = true,
	) => {
		say(`${nameOf(run)}, ${what}`);
		await drawBatches(study, run, batches, judged);
	};
	for (const run of runs)
		await draw("first captions", run, first.unseen.slice(0, FEW_BATCHES));
	say("long runs");
	for (const batch of first.unseen.slice(0, LONG_BATCHES))
		await study.drawings.latents({ ...LONG_RUN, keySteps: "all" }, batch);
	for (const run of runs) {
		await draw("captions that nothing was chosen by", run, first.unseen);
		await draw("calibration captions", run, first.calibration);
	}
	// what is far off is so with one seed
	for (let seed = 2; seed <= SEEDS; seed++) {
		const { unseen } = seedBatches(study.captions, seed);
		for (const run of runs) await draw(`seed ${seed}`, run, unseen, false);
	}
	say("done");
} else if (task === "seconds") await measureSeconds(study, runs, out);
else if (task === "checkpoints")
	stdout.write(
		`${await checkpoints(study, join(out, "cache"), models, threads)}\n`,
	);
else if (task === "foresight") {
	for (const run of runs.filter(({ published }) => published))
		stdout.write(`\n${nameOf(run)}\n\n${await foresight(study, run)}\n`);
} else {
	const timings = await readTimings(out);
	for (const run of runs) {
		const rows = await rowsOf(study, run, timings);
		const drawn = await drawnBatches(study, run);
		const compared = comparisons(rows).map((line) => `- ${line}`);
		const parts = [
			`### ${run.sampler}, ${run.steps} steps`,
			`Drawn of ${basis(drawn)}.`,
			table(run, rows),
			...(compared.length > 0
				? [
						"Geometric means of the errors, with 95 % intervals over captions:",
						compared.join("\n"),
					]
				: []),
		];
		stdout.write(`${parts.join("\n\n")}\n\n`);
		await writeFile(
			join(out, `front-${nameOf(run)}.svg`),
			await frontFigure(study, run, rows),
		);
		if (task === "plans")
			for (const line of await shipPlans(study, run, rows, values.plans))
				say(line);
	}
}
await study.pipeline.release();
await study.clip.release();
