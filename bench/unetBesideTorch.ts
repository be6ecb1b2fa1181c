import { availableParallelism } from "node:os";
import { join } from "node:path";
import { lineProcess } from "./lineProcess.js";
import { gigabytes, median, seconds } from "./measure.js";
import { randomModel } from "./randomModel.js";
import { printTable } from "./table.js";

const batch = 2;
const rounds: Readonly<Record<number, number>> = { 32: 5, 64: 4 };

/**
 * The UNet of Stable Diffusion v1.5's size at 256 x 256 and 512 x 512 pixels with guidance (batch 2), ours and torch's in turns: each in its
 * own process, one waiting while the other runs. Torch is left out where FDIFF_PYTHON (or python3) lacks it or diffusers.
 */
export async function unetBesideTorch(): Promise<void> {
	const model = await randomModel();
	const root = join(import.meta.dirname, "..", "..");
	const ours = await lineProcess(
		process.execPath,
		[join(import.meta.dirname, "unetProcess.js")],
		{ showErrors: true },
	);
	if (!ours) throw new Error("our own process ended before it began");
	const torch = await lineProcess(
		process.env.FDIFF_PYTHON ?? "python3",
		[
			join(root, "bench", "torchUnet.py"),
			join(model, "unet"),
			`${batch}`,
			`${availableParallelism()}`,
		],
		{ showErrors: false },
	);
	const rows: string[][] = [];
	for (const size of [32, 64]) {
		const times = { ours: [] as number[], torch: [] as number[] };
		const peaks = { ours: 0, torch: 0 };
		for (let round = 0; round <= rounds[size]; round++)
			for (const [name, started, line] of [
				["ours", ours, `both ${batch} ${size}`],
				["torch", torch, `${size}`],
			] as const) {
				if (!started) continue;
				const answer = await started.process.ask(line);
				const [took, peak] = answer.split(" ").map(Number);
				// the first run of each warms up
				if (round > 0) times[name].push(took);
				peaks[name] = peak;
			}
		rows.push([
			`${size} x ${size}`,
			seconds(times.ours),
			torch ? seconds(times.torch) : "-",
			torch
				? `${(Math.min(...times.ours) / Math.min(...times.torch)).toFixed(2)} / ${(median(times.ours) / median(times.torch)).toFixed(2)}`
				: "-",
			gigabytes(peaks.ours),
			torch ? gigabytes(peaks.torch) : "-",
			torch ? (peaks.ours / peaks.torch).toFixed(2) : "-",
		]);
	}
	await ours.process.close();
	await torch?.process.close();
	printTable(
		`UNet of Stable Diffusion v1.5's size, batch ${batch}, random float32 weights: seconds, min / median`,
		[
			"latents",
			"ours",
			torch?.greeting ?? "torch",
			"ratio",
			"peak memory",
			"torch's",
			"ratio",
		],
		rows,
	);
	if (!torch)
		process.stdout.write(
			"\nNo comparison with torch: set FDIFF_PYTHON to a Python that has torch and diffusers.\n",
		);
}
