import { monitorEventLoopDelay } from "node:perf_hooks";
import { loadPipeline } from "../src/pipeline/nodeLoadPipeline.js";
import { randomModel } from "./randomModel.js";
import { printTable } from "./table.js";

/** Milliseconds between two looks. */
const RESOLUTION = 10;
const STEPS = 4;

/**
 * How long timers, HTTP and Ctrl-C wait while networks of Stable Diffusion v1.5's shapes (random weights) draw: the delay of the event
 * loop beyond its resolution, of loading, denoising and decoding apart.
 */
export async function eventLoop(): Promise<void> {
	const rows: string[][] = [];
	const pipeline = await loadPipeline(await randomModel(), {
		keepResident: true,
	});
	for (const size of [512, 256]) {
		const draw = async (what: string, steps: number) => {
			const delay = monitorEventLoopDelay({ resolution: RESOLUTION });
			const started = performance.now();
			let looked = started;
			let phase = "loading";
			const row = () => {
				const milliseconds = (nanoseconds: number) =>
					Math.max(0, nanoseconds / 1e6 - RESOLUTION).toFixed(1);
				const seconds = (performance.now() - looked) / 1000;
				rows.push([
					`${size} x ${size}, ${what}, ${phase}`,
					seconds.toFixed(1),
					...[50, 99, 99.9].map((share) =>
						milliseconds(delay.percentile(share)),
					),
					milliseconds(delay.max),
				]);
				looked = performance.now();
				delay.reset();
			};
			delay.enable();
			for await (const event of pipeline.stream({
				prompt: "a red apple",
				seed: 1,
				...{ width: size, height: size, steps },
			})) {
				if (event.kind !== "step") continue;
				// the first step is that of loading too
				if (phase === "loading" || event.step.index === steps - 1) row();
				phase = event.step.index === steps - 1 ? "decoding" : "denoising";
			}
			row();
			delay.disable();
		};
		await draw("first run", 2);
		await draw("second run", STEPS);
	}
	await pipeline.release();
	printTable(
		"Delay of the event loop while networks of Stable Diffusion v1.5's size run (milliseconds)",
		["run", "seconds", "median", "99 %", "99.9 %", "most"],
		rows,
	);
}
