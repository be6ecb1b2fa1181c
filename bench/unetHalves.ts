import { join } from "node:path";
import { unetFlops } from "../src/models/unet.js";
import { parseUnetConfig } from "../src/models/unetConfig.js";
import { lineProcess } from "./lineProcess.js";
import { seconds } from "./measure.js";
import { unetConfig } from "./stableDiffusion15.js";
import { printTable } from "./table.js";

/** The encoder half and the decoder half by themselves, and the decoder half on 1 to 8 steps at once, for one image with guidance (two samples a step). */
export async function unetHalves(): Promise<void> {
	const started = await lineProcess(
		process.execPath,
		[join(import.meta.dirname, "unetProcess.js")],
		{ showErrors: true },
	);
	if (!started) throw new Error("our own process ended before it began");
	const { process: child } = started;
	const times = async (line: string, count: number) => {
		const taken: number[] = [];
		await child.ask(line);
		while (taken.length < count)
			taken.push(Number((await child.ask(line)).split(" ", 1)[0]));
		return taken;
	};
	const config = parseUnetConfig(unetConfig);
	const rows: string[][] = [];
	for (const size of [32, 64]) {
		const dims = { batch: 2, height: size, width: size, tokens: 77 };
		for (const [half, part] of [
			["encoder", { encoder: "full", decoder: "none" }],
			["decoder", { encoder: "none", decoder: "full" }],
		] as const) {
			const flops = unetFlops(config, part, dims);
			const taken = await times(`${half} 2 ${size}`, size === 32 ? 5 : 3);
			rows.push([
				`${half}, ${size} x ${size}`,
				seconds(taken),
				`${(flops / 1e9).toFixed(0)}`,
				`${(flops / 1e9 / Math.min(...taken)).toFixed(0)}`,
			]);
		}
	}
	printTable(
		"Halves of the UNet, batch 2: seconds, min / median",
		["half, latents", "seconds", "GFLOP", "GFLOP/s"],
		rows,
	);
	const batches: string[][] = [];
	for (const steps of [1, 2, 4, 8]) {
		const taken = await times(`decoder ${2 * steps} 32`, 3);
		batches.push([
			`${steps}`,
			seconds(taken),
			(Math.min(...taken) / steps).toFixed(3),
		]);
	}
	await child.close();
	printTable(
		"Decoder half on several steps in one batch, 32 x 32 latents with guidance: seconds, min / median",
		["steps", "seconds", "seconds a step"],
		batches,
	);
}
