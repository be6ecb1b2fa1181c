import { availableParallelism } from "node:os";
import { join } from "node:path";
import { type LineProcess, lineProcess } from "./lineProcess.js";
import { gigabytes, seconds } from "./measure.js";
import { randomModel } from "./randomModel.js";
import { printTable } from "./table.js";

const jobs = [
	["unet", 32, 4],
	["unet", 64, 3],
	["vae", 64, 2],
	["text", 1, 3],
] as const;

interface Contender {
	readonly name: string;
	readonly process: LineProcess;
	readonly isTorch: boolean;
}

/**
 * The networks of Stable Diffusion v1.5's size in each engine and precision, and torch's UNet in float32 and bfloat16 where FDIFF_PYTHON has it:
 * in turns, each in its own process, one running while the others wait. All of them together want 20 GB: FDIFF_BENCH_ONLY, a regular expression
 * over their words, takes some.
 */
export async function engines(): Promise<void> {
	const contenders: Contender[] = [];
	const only = new RegExp(process.env.FDIFF_BENCH_ONLY ?? "");
	const wanted = (words: readonly string[]) => only.test(words.join(" "));
	for (const words of [
		["onnxruntime", "float32"],
		["openvino", "float32"],
		["openvino", "bfloat16"],
		["openvino", "bfloat16", "parts"],
	].filter(wanted)) {
		const started = await lineProcess(
			process.execPath,
			[join(import.meta.dirname, "networkProcess.js"), ...words],
			{ showErrors: false },
		);
		if (started)
			contenders.push({
				name: started.greeting,
				process: started.process,
				isTorch: false,
			});
	}
	const unet = join(await randomModel(), "unet");
	const script = join(import.meta.dirname, "..", "..", "bench", "torchUnet.py");
	for (const words of [
		["float32"],
		["bfloat16"],
		["bfloat16", "channels_last"],
	]) {
		const started = await lineProcess(
			process.env.FDIFF_PYTHON ?? "python3",
			[script, unet, "2", `${availableParallelism()}`, ...words],
			{ showErrors: false },
		);
		if (started)
			contenders.push({
				name: `${started.greeting} ${words.join(" ")}`,
				process: started.process,
				isTorch: true,
			});
	}
	const rows: string[][] = [];
	for (const [name, size, rounds] of jobs) {
		const took = new Map<string, number[]>();
		const notes = new Map<string, string[]>();
		for (let round = 0; round <= rounds; round++)
			for (const { name: who, process, isTorch } of contenders) {
				if (isTorch && name !== "unet") continue;
				const answer = await process.ask(
					isTorch ? `${size}` : `${name} ${size}`,
				);
				const { seconds: time, ...rest } = isTorch
					? torchAnswer(answer)
					: (JSON.parse(answer) as Answer);
				if (round === 0)
					notes.set(who, [
						rest.loading === undefined ? "-" : rest.loading.toFixed(2),
					]);
				else took.set(who, [...(took.get(who) ?? []), time]);
				if (round === rounds)
					notes
						.get(who)
						?.push(
							gigabytes(rest.private),
							rest.mapped === undefined ? "-" : gigabytes(rest.mapped),
						);
			}
		for (const [who, times] of took)
			rows.push([
				name === "text" ? name : `${name} ${size} x ${size}`,
				who,
				seconds(times),
				...(notes.get(who) ?? []),
			]);
	}
	for (const { name: who, process, isTorch } of contenders) {
		if (!isTorch) {
			const left = JSON.parse(await process.ask("release")) as Answer;
			rows.push([
				"after release",
				who,
				"-",
				"-",
				gigabytes(left.private),
				gigabytes(left.mapped ?? 0),
			]);
		}
		await process.close();
	}
	printTable(
		"Engines: Stable Diffusion v1.5's networks, random weights, UNet and text in batches of 2, seconds min / median",
		["network", "engine", "a run", "loading", "private", "mapped"],
		rows,
	);
}

interface Answer {
	readonly seconds: number;
	readonly loading?: number;
	readonly private: number;
	readonly mapped?: number;
}

function torchAnswer(line: string): Answer {
	const [time, peak] = line.split(" ").map(Number);
	return { seconds: time, private: peak };
}
