import type { Command } from "commander";
import { readKeySteps } from "../accelerators/planWords.js";
import { type Contender, compareRuns } from "../evaluation/compare.js";
import {
	contactSheet,
	type LabelledPicture,
} from "../image/nodeContactSheet.js";
import { writeImage } from "../image/nodeImageFile.js";
import { psnr } from "../metrics/psnr.js";
import { ssim } from "../metrics/ssim.js";
import type { GeneratedImage } from "../pipeline/generatedImage.js";
import type { GenerateOptions } from "../pipeline/options.js";
import { checkQuality } from "./checkQuality.js";
import {
	addGenerationFlags,
	type GenerationFlags,
	generateOptions,
} from "./generationFlags.js";
import { interruptSignal } from "./interrupt.js";
import { openPipeline } from "./openPipeline.js";
import { outputPlace } from "./outputPlace.js";
import { progressBars } from "./progressBars.js";
import { warn } from "./warn.js";

interface CompareFlags extends GenerationFlags {
	readonly output?: string;
}

const EXAMPLES = `
Examples:
  $ fdiff compare "a bowl of ramen" --output compare.png
  $ fdiff compare "a bowl of ramen" --sampler ddim --steps 50 --key-steps uniform:4
  $ fdiff compare "a lighthouse at dawn" --model stable-diffusion-v1-5/stable-diffusion-v1-5 --seed 7`;

/** `fdiff compare`: plain sampling, encoder propagation and fewer steps at the same time, side by side. */
export function addCompareCommand(program: Command): void {
	const command = program
		.command("compare")
		.description(
			"draw one prompt plainly, with encoder propagation and with fewer steps at the same time, side by side",
		)
		.argument("<prompt>", "what to draw")
		.addHelpText("after", EXAMPLES);
	addGenerationFlags(command, { without: ["numImages", "batchSize"] })
		.option(
			"--output <file|dir>",
			".png, .jpg or .webp file, or a folder (default: PROMPT-SEED.png here)",
		)
		.action((prompt: string, flags: CompareFlags) => compare(prompt, flags));
}

async function compare(prompt: string, flags: CompareFlags): Promise<void> {
	const quiet = flags.quiet === true;
	const given = { ...(await generateOptions(prompt, flags)), numImages: 1 };
	checkQuality(flags, given.keySteps);
	const place = await outputPlace(flags.output, `compare ${prompt}`, 1);
	const signal = interruptSignal();
	const pipeline = await openPipeline(flags, signal);
	const { keySteps = given.quality === undefined ? "paper" : "auto" } = given;
	// checked before the first picture, so that a bad plan costs nothing
	const { seed, warnings } = pipeline.settings({ ...given, keySteps });
	const options: GenerateOptions = {
		...given,
		seed,
		// a plan file says which sampler it is for
		sampler: given.sampler ?? readKeySteps(keySteps).sampler,
		signal,
	};
	const propagated = { ...options, keySteps };
	for (const warning of warnings) warn(warning, flags);

	const bars = progressBars(quiet);
	const contenders = await compareRuns(
		pipeline,
		propagated,
		bars.update,
	).finally(bars.stop);
	const [{ result: plain }] = contenders;
	const sheet = await contactSheet(
		contenders.map((contender) => labelled(contender, plain)),
		{ title: prompt, columns: contenders.length },
	);
	const file = place.file(0, seed);
	await place.prepare();
	await writeImage(file, sheet);
	for (const contender of contenders) report(contender, plain, flags);
	if (flags.json)
		process.stdout.write(`${JSON.stringify({ event: "sheet", file })}\n`);
	else if (!quiet) process.stderr.write(`${file}\n`);
}

/** What is measured of a picture against the plain one; the plain one has no differences. */
function measured({ result }: Contender, plain: GeneratedImage) {
	const { cost, image } = result;
	const itself = result === plain;
	return {
		seconds: cost.denoisingSeconds + cost.decodingSeconds,
		networkSeconds: cost.networkSeconds,
		teraFlops: cost.flops / 1e12,
		speedUp: plain.cost.networkSeconds / cost.networkSeconds,
		psnr: itself ? undefined : psnr(image, plain.image),
		ssim: itself ? undefined : ssim(image, plain.image),
	};
}

function labelled(
	contender: Contender,
	plain: GeneratedImage,
): LabelledPicture {
	const numbers = measured(contender, plain);
	const below = [
		`${numbers.seconds.toFixed(2)} s, ${numbers.teraFlops.toPrecision(3)} TFLOP in the network`,
	];
	if (numbers.psnr !== undefined && numbers.ssim !== undefined)
		below.push(
			`${numbers.speedUp.toFixed(2)}x, PSNR ${numbers.psnr.toFixed(1)} dB, SSIM ${numbers.ssim.toFixed(3)}`,
		);
	return { image: contender.result.image, above: [contender.name], below };
}

function report(
	contender: Contender,
	plain: GeneratedImage,
	flags: CompareFlags,
): void {
	const numbers = measured(contender, plain);
	if (flags.json) {
		const { seed, cost, model } = contender.result;
		const { engine, precision } = model;
		process.stdout.write(
			`${JSON.stringify({ event: "contender", name: contender.name, seed: seed.toString(), engine, precision, ...cost, ...numbers })}\n`,
		);
	} else if (!flags.quiet)
		process.stderr.write(
			`${contender.name.padEnd(40)} ${labelled(contender, plain).below?.join("; ")}\n`,
		);
}
