// Searches plans for the embedded model and prints the table of docs/analysis.md (run `npm run build` before):
//   node scripts/tune-embedded.mjs OUT [--plans] [SAMPLER-STEPS:CALLS,CALLS ...]
// A run that is broken off goes on where it ended; one that is done only prints. With --plans the plans of each quality are
// written into models/emoji/plans. Half an hour a sampler on two cores.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { argv, execPath, exit, stderr, stdout } from "node:process";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const [out, ...rest] = argv.slice(2);
if (!out) {
	stderr.write("give the folder for what is found\n");
	exit(2);
}
const plans = rest.includes("--plans");
const asked = rest.filter((word) => word !== "--plans");
const RUNS =
	asked.length > 0 ? asked : ["dpm-solver++-20:8,10,12", "ddim-50:8,12"];
/** What plans are held beside: the paper's, DeepCache, the caches. */
const BESIDE =
	"paper deepcache:2:1 deepcache:3:1 adaptive:0.15 easycache:0.1 ucache";

mkdirSync(out, { recursive: true });
const rows = [];
for (const words of RUNS) {
	const [, sampler, steps, calls] = /^(.+)-(\d+):([\d,]+)$/.exec(words) ?? [];
	if (!sampler) {
		stderr.write(`${words} is not written as ddim-50:8,12\n`);
		exit(2);
	}
	const base = join(out, `${sampler}-${steps}`);
	const { status } = spawnSync(
		execPath,
		[
			...[join(root, "dist/cli/main.js"), "tune"],
			...["--engine", "onnxruntime", "--seed", "1"],
			...["--captions", join(root, "models/emoji/eval/captions.json")],
			...["--calibration", "48", "--held-out", "40"],
			...["--sampler", sampler, "--steps", steps, "--calls", calls],
			...["--candidates", "40", "--trials", "30", "--beside", BESIDE],
			...(plans ? ["--plans", join(root, "models/emoji/plans")] : []),
			...["--out", `${base}.json`],
		],
		{ stdio: ["ignore", "ignore", "inherit"] },
	);
	if (status !== 0) exit(status ?? 1);
	const { points } = JSON.parse(readFileSync(`${base}.front.json`, "utf8"));
	points.sort((a, b) => b.calls - a.calls || a.logError - b.logError);
	for (const [n, point] of points.entries()) {
		const { error, psnr } = point;
		const tuned = point.series === "tuned";
		const mean = error.estimate.toFixed(3);
		rows.push([
			n === 0 ? `${sampler}, ${steps} steps` : "",
			tuned ? "**tuned**" : point.series,
			String(point.calls),
			`${tuned ? `**${mean}**` : mean} (${error.low.toFixed(3)}–${error.high.toFixed(3)})`,
			point.medianError.toFixed(3),
			Math.exp(point.logError).toFixed(3),
			point.worstError.toFixed(2),
			`${psnr.median.toFixed(1)} / ${psnr.tenth.toFixed(1)}`,
		]);
	}
}
const head = [
	"sampler",
	"plan",
	"calls",
	"error (95 %)",
	"median",
	"geometric mean",
	"worst tenth",
	"PSNR, median / tenth percentile",
];
for (const row of [head, head.map(() => "---"), ...rows])
	stdout.write(`| ${row.join(" | ")} |\n`);
