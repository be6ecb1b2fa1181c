// Searches plans for the embedded model, holds them beside simple grids on captions that no search saw, writes the plans of each quality
// into models/emoji/plans and prints the tables of docs/analysis.md:
//   npm run build && node scripts/tune-embedded.mjs OUT
// What is done is kept in OUT, so that a run that is broken off goes on where it ended. Some three hours on two cores;
// `node scripts/tune-embedded.mjs OUT --trial` goes the same way with a few captions in minutes, and writes the plans into OUT.
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { argv, execPath, exit, stderr } from "node:process";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const [out, word] = argv.slice(2);
const trial = word === "--trial";
if (!out || (word && !trial)) {
	stderr.write("node scripts/tune-embedded.mjs OUT [--trial]\n");
	exit(2);
}

const study = "dist-bench/bench/study/main.js";
/** Runs whose plans are searched for; of the others simple grids are compared alone. */
const SEARCHES = [
	["dpm-solver++", "20", trial ? "8" : "8,10,14"],
	...(trial ? [] : [["ddim", "50", "8,10,12"]]),
];
const effort = trial
	? ["--calibration", "2", "--candidates", "20", "--trials", "1"]
	: ["--calibration", "48", "--candidates", "50", "--trials", "12"];

mkdirSync(out, { recursive: true });
for (const [sampler, steps, calls] of SEARCHES)
	run(
		"dist/cli/main.js",
		...["tune", "--engine", "onnxruntime", "--seed", "1", ...effort],
		...["--captions", join(root, "models/emoji/eval/captions.json")],
		// the study judges
		...["--held-out", "1", "--sampler", sampler, "--steps", steps],
		...["--calls", calls, "--out", join(out, `${sampler}-${steps}.json`)],
	);
const spared = trial
	? ["--only", "dpm-solver++-20", "--captions", "3", "--plans", out]
	: [];
run("node_modules/typescript/bin/tsc", "-p", join(root, "tsconfig.bench.json"));
run(study, out, "draw", ...spared);
run(study, out, "seconds", ...spared);
run(study, out, "plans", ...spared);

function run(program, ...words) {
	const { status } = spawnSync(execPath, [join(root, program), ...words], {
		stdio: ["ignore", program === study ? "inherit" : "ignore", "inherit"],
	});
	if (status !== 0) exit(status ?? 1);
}
