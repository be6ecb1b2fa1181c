import { availableParallelism } from "node:os";
import { join } from "node:path";
import { type Answer, type Contender, contest, type Task } from "./contest.js";
import { lineProcess } from "./lineProcess.js";
import { gigabytes } from "./measure.js";
import { cacheFolder, randomModel } from "./randomModel.js";
import { printTable } from "./table.js";

/** A network in one of our engines: onnxruntime or openvino, its precision, and how upsampling is written (as the engine wants it unless given). */
function ours(
	engine: string,
	precision: string,
	...more: readonly string[]
): Contender {
	return {
		name: [engine, precision, ...more].join(" "),
		command: process.execPath,
		words: [
			join(import.meta.dirname, "networkProcess.js"),
			engine,
			precision,
			...more,
		],
	};
}

/** A Python script of this folder, run by FDIFF_PYTHON. */
function python(script: string, ...words: readonly string[]): Contender {
	return {
		name: [script.replace(/\.py$/, ""), ...words.slice(3)].join(" "),
		command: process.env.FDIFF_PYTHON ?? "python3",
		words: [join(import.meta.dirname, "..", "..", "bench", script), ...words],
	};
}

const unetTasks: readonly Task[] = [
	{ name: "UNet, 32 x 32", line: "unet 32", rounds: 6 },
	{ name: "UNet, 64 x 64", line: "unet 64", rounds: 4 },
];

/** The UNet of Stable Diffusion v1.5's size, batch 2, by engine in bfloat16, beside ONNX Runtime in float32 and torch's best in bfloat16. */
export async function enginesUnetBfloat16(): Promise<void> {
	const unet = join(await randomModel(), "unet");
	const torch = (...words: readonly string[]) =>
		python("torchUnet.py", unet, "2", `${availableParallelism()}`, ...words);
	await contest(
		"The UNet in bfloat16, batch 2, beside ONNX Runtime in float32",
		[
			ours("onnxruntime", "float32"),
			ours("openvino", "bfloat16"),
			ours("openvino", "bfloat16", "halves"),
			torch("bfloat16"),
			torch("bfloat16", "channels_last"),
		],
		unetTasks,
	);
}

/** The same in float32. */
export async function enginesUnetFloat32(): Promise<void> {
	const unet = join(await randomModel(), "unet");
	await contest(
		"The UNet in float32, batch 2",
		[
			ours("onnxruntime", "float32"),
			ours("openvino", "float32"),
			python("torchUnet.py", unet, "2", `${availableParallelism()}`, "float32"),
		],
		unetTasks,
	);
}

/** The VAE decoder and the text encoder by engine, and both ways to write upsampling. */
export async function enginesVaeAndText(): Promise<void> {
	await randomModel();
	await contest(
		"VAE decoder and text encoder",
		[
			ours("onnxruntime", "float32"),
			ours("openvino", "float32", "parts"),
			ours("openvino", "float32", "plain"),
			ours("openvino", "bfloat16", "parts"),
			ours("openvino", "bfloat16", "plain"),
		],
		[
			{ name: "VAE, 512 x 512", line: "vae 64", rounds: 3 },
			{ name: "CLIP, 2 prompts", line: "text 1", rounds: 8 },
		],
	);
}

/**
 * The UNet beside diffusers' own, converted to OpenVINO as its tools do (optimum-intel, OpenVINO GenAI). FDIFF_PYTHON needs openvino; the converted
 * model is written by bench/openvinoExport.py.
 */
export async function enginesPeers(): Promise<void> {
	await randomModel();
	await contest(
		"The UNet beside diffusers' in OpenVINO, batch 2",
		[
			ours("openvino", "bfloat16"),
			python(
				"openvinoUnet.py",
				join(cacheFolder, "openvino-stable-diffusion-v1-5"),
				"2",
				`${availableParallelism()}`,
				"bfloat16",
			),
		],
		unetTasks,
	);
}

/** The UNet with one thread beside two: that the number is obeyed, and what it costs. */
export async function enginesThreads(): Promise<void> {
	await randomModel();
	await contest(
		"Threads: the UNet in bfloat16, batch 2",
		[
			ours("openvino", "bfloat16"),
			ours("openvino", "bfloat16", "threads=2"),
			ours("openvino", "bfloat16", "threads=1"),
		],
		[{ name: "UNet, 32 x 32", line: "unet 32", rounds: 3 }],
	);
}

const CYCLES = 20;

/** Resident memory after loads, runs and releases of the UNet in a row, each engine in a process of its own. */
export async function enginesReleases(): Promise<void> {
	await randomModel();
	const rows: string[][] = [];
	for (const { name, command, words } of [
		ours("openvino", "bfloat16"),
		ours("onnxruntime", "float32"),
	]) {
		const started = await lineProcess(command, words, { showErrors: true });
		if (!started) continue;
		const resident = async (line: string) => {
			const answer = JSON.parse(await started.process.ask(line)) as Answer;
			return (answer.private ?? 0) + (answer.mapped ?? 0);
		};
		const cells = [gigabytes(await resident("memory"))];
		for (let cycle = 1; cycle <= CYCLES; cycle++) {
			const loaded = await resident("unet 32");
			const left = await resident("release");
			if ([1, 2, CYCLES].includes(cycle))
				cells.push(gigabytes(loaded), gigabytes(left));
		}
		await started.process.close();
		rows.push([name, ...cells]);
	}
	printTable(
		`Resident memory: the UNet loaded, run and released ${CYCLES} times`,
		[
			"engine",
			"at the start",
			...[1, 2, CYCLES].flatMap((cycle) => [
				`loaded, ${cycle}`,
				`released, ${cycle}`,
			]),
		],
		rows,
	);
}
