import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gigabytes } from "./measure.js";
import { cacheFolder, randomModel } from "./randomModel.js";
import { printTable } from "./table.js";
import { type TimedCommand, timedCommand } from "./timedCommand.js";

const root = join(import.meta.dirname, "..", "..");
const PROMPT = "a red apple";
const STEPS = "20";

interface Drawer {
	readonly name: string;
	draw(file: string): Promise<TimedCommand>;
}

/** What a drawer prints at last, as JSON: seconds from noise to pixels; the rest is loading, and the text encoder's and the file's few tenths. */
interface Drawn {
	readonly denoisingSeconds: number;
	readonly decodingSeconds?: number;
}

async function ours(
	engine: string,
	precision: string,
	...more: readonly string[]
): Promise<Drawer> {
	const model = await randomModel();
	return {
		name: ["fdiff", engine, precision, ...more].join(" "),
		draw: (file) =>
			timedCommand(process.execPath, [
				join(root, "dist", "cli", "main.js"),
				PROMPT,
				...["--model", model, "--engine", engine, "--precision", precision],
				...["--sampler", "dpm-solver++", "--steps", STEPS, "--seed", "1"],
				...["--width", "512", "--height", "512", "--json", "--output", file],
				...more,
			]),
	};
}

function python(script: string, ...words: readonly string[]): Drawer {
	return {
		name: [script.replace(/\.py$/, ""), ...words.slice(1)].join(" "),
		draw: (file) =>
			timedCommand(process.env.FDIFF_PYTHON ?? "python3", [
				join(root, "bench", script),
				...words,
				PROMPT,
				STEPS,
				file,
			]),
	};
}

/**
 * A whole image of 512 x 512 from prompt to file, 20 steps with guidance, random weights of Stable Diffusion v1.5's shapes: in turns, a new
 * process for every image. FDIFF_BENCH_ONLY, a regular expression over names, takes some; FDIFF_BENCH_ROUNDS is 1 unless given.
 */
export async function engineImages(): Promise<void> {
	const only = new RegExp(process.env.FDIFF_BENCH_ONLY ?? "");
	const model = await randomModel();
	const exported = join(cacheFolder, "openvino-stable-diffusion-v1-5");
	const drawers = [
		await ours("onnxruntime", "float32"),
		await ours("openvino", "bfloat16"),
		await ours("openvino", "bfloat16", "--key-steps", "paper"),
		// these weights have no tuned plans: general ones
		await ours("openvino", "bfloat16", "--quality", "balanced"),
		await ours("openvino", "bfloat16", "--quality", "fast"),
		python("openvinoGenai.py", exported),
		python("torchImage.py", model, "bfloat16"),
		python("stableDiffusionCpp.py", model, "f16"),
	].filter(({ name }) => only.test(name));
	const folder = await mkdtemp(join(tmpdir(), "fdiff-bench-"));
	try {
		const best = new Map<string, TimedCommand & Drawn>();
		const rounds = Number(process.env.FDIFF_BENCH_ROUNDS ?? 1);
		for (let round = 0; round < rounds; round++)
			for (const { name, draw } of drawers) {
				const run = await draw(join(folder, "image.png")).catch(
					(error: unknown) => {
						process.stderr.write(`${name} is left out: ${error}\n`);
						return undefined;
					},
				);
				if (!run) continue;
				const known = best.get(name);
				if (known && known.seconds < run.seconds) continue;
				best.set(name, { ...run, ...(JSON.parse(run.lastLine) as Drawn) });
			}
		const [first] = best.values();
		printTable(
			`A whole image, 512 x 512, ${STEPS} steps with guidance, prompt to file: the fastest of ${rounds}`,
			[
				"who",
				"seconds",
				"of the first's",
				"denoising",
				"decoding",
				"the rest (loading)",
				"peak",
				"of it private",
			],
			[...best].map(([name, run]) => {
				const { seconds, denoisingSeconds, decodingSeconds = 0 } = run;
				return [
					name,
					seconds.toFixed(1),
					(seconds / first.seconds).toFixed(2),
					denoisingSeconds.toFixed(1),
					run.decodingSeconds === undefined ? "-" : decodingSeconds.toFixed(1),
					(seconds - denoisingSeconds - decodingSeconds).toFixed(1),
					gigabytes(run.peak),
					gigabytes(run.peakPrivate),
				];
			}),
		);
	} finally {
		await rm(folder, { recursive: true });
	}
}
