import { resolve } from "node:path";
import { type Command, Option } from "commander";
import { ofOption } from "../errors/ofOption.js";
import { OptionError } from "../errors/optionError.js";
import { UserError } from "../errors/userError.js";
import { writeWhole } from "../files/nodeWriteWhole.js";
import { checkParameters, imageFormat } from "../image/encodedImage.js";
import { writeImage } from "../image/nodeImageFile.js";
import type { GeneratedImage } from "../pipeline/generatedImage.js";
import { imageParameters } from "../pipeline/imageParameters.js";
import { imageSeed } from "../pipeline/initialNoise.js";
import { GENERATION_OPTIONS } from "../pipeline/options.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import type { RunSettings } from "../pipeline/runSettings.js";
import { isPlain } from "../propagation/keyStepPlan.js";
import { encodeNpy } from "../tensor/npy.js";
import { concat, type Tensor } from "../tensor/tensor.js";
import { checkQuality } from "./checkQuality.js";
import { fasterEngine } from "./fasterEngine.js";
import { expectGiven, optionsOfImage } from "./fromImage.js";
import {
	addGenerationFlags,
	type GenerationFlags,
	generateOptions,
} from "./generationFlags.js";
import { interruptSignal } from "./interrupt.js";
import { openPipeline } from "./openPipeline.js";
import { flagValue, formerFlag } from "./optionFlags.js";
import { outputPlace, writableFile } from "./outputPlace.js";
import { previewFile } from "./previewFile.js";
import { type ProgressBar, progressBar } from "./progressBar.js";
import { warn } from "./warn.js";

interface GenerateFlags extends GenerationFlags {
	readonly output?: string;
	readonly fromImage?: string;
	readonly preview?: string;
	readonly previewEvery?: number;
	readonly saveLatents?: string;
	readonly saveInitialNoise?: string;
}

const EXAMPLES = `
Examples:
  $ fdiff generate "a bowl of ramen"
  $ fdiff "a bowl of ramen" --seed 7 --output ramen.png
  $ fdiff "a lighthouse at dawn" --model stable-diffusion-v1-5/stable-diffusion-v1-5 --sampler ddim --steps 50
  $ fdiff "a lighthouse at dawn" --key-steps paper             encoder propagation at the paper's key steps
  $ fdiff "red apple" --num-images 4 --output apples/          seeds n, n+1, n+2, n+3
  $ fdiff generate --from-image ramen.png                      the same image again`;

/** `fdiff generate`: text to images, by the best plan that is known for the run. */
export function addGenerateCommand(program: Command): void {
	const command = program
		.command("generate", { isDefault: true })
		.description("draw images from a prompt")
		.argument("[prompt]", "what to draw")
		.allowExcessArguments(false)
		.addHelpText("after", EXAMPLES);
	addGenerationFlags(command)
		.option(
			"--output <file|dir>",
			".png, .jpg or .webp file, or a folder (default: PROMPT-SEED.png here)",
		)
		.option(
			"--from-image <file>",
			"take prompt and settings from an image made before; flags given win",
		)
		.option(
			"--preview <file>",
			".png, .jpg or .webp file that shows what the run is at, written anew as it goes",
		)
		.addOption(
			new Option(
				"--preview-every <n>",
				"steps between previews (default: 1)",
			).argParser((word) =>
				flagValue("previewEvery", GENERATION_OPTIONS.previewEvery, word),
			),
		)
		.option("--save-latents <file.npy>", "write the final latents")
		.addOption(saveInitialNoise)
		.addOption(formerFlag("saveInitialLatents", saveInitialNoise))
		.action((prompt: string | undefined, flags: GenerateFlags) =>
			generate(prompt, flags),
		);
}

const saveInitialNoise = new Option(
	"--save-initial-noise <file.npy>",
	"write the noise that the run begins with",
);

async function generate(
	words: string | undefined,
	flags: GenerateFlags,
): Promise<void> {
	const started = performance.now();
	const remade = flags.fromImage
		? await optionsOfImage(flags.fromImage, flags)
		: undefined;
	const prompt = words ?? remade?.options.prompt;
	if (prompt === undefined)
		throw new UserError(
			'nothing to draw: give a prompt, as in fdiff generate "a bowl of ramen", or --from-image FILE',
			{ code: "usage" },
		);
	if (remade) expectGiven(flags.fromImage, remade, { ...flags });
	const given = await generateOptions(prompt, flags);
	const options = {
		...remade?.options,
		...given,
		prompt,
	};
	checkQuality(flags, given.keySteps);
	const place = await outputPlace(
		flags.output,
		prompt,
		options.numImages ?? options.initialNoise?.dims[0] ?? 1,
	);
	if (flags.saveLatents !== undefined)
		await writableFile("--save-latents", flags.saveLatents);
	if (flags.saveInitialNoise !== undefined)
		await writableFile("--save-initial-noise", flags.saveInitialNoise);
	if (flags.preview !== undefined) {
		const { preview } = flags;
		await ofOption("preview", () => imageFormat(preview));
		await writableFile("--preview", preview);
	}
	if (!flags.preview && flags.previewEvery !== undefined)
		throw new OptionError("previewEvery", "it is for --preview FILE");
	const preview = flags.preview ? previewFile(flags.preview) : undefined;
	const quiet = flags.quiet === true;
	const signal = interruptSignal();
	const pipeline = await openPipeline(
		{
			...flags,
			engine: flags.engine ?? remade?.engine,
			precision: flags.precision ?? remade?.precision,
		},
		signal,
	);
	if (remade?.modelHash && !flags.model && remade.modelHash !== pipeline.hash)
		throw new UserError(
			`--from-image ${flags.fromImage}: made with the model ${remade.model ?? "?"} (${remade.modelHash}), not with ${pipeline.label} (${pipeline.hash}); say which one with --model`,
			{ code: "usage" },
		);
	const settings = pipeline.settings(options);
	if (flags.preview)
		for (let n = 0; n < settings.numImages; n++)
			if (
				resolve(flags.preview) ===
				resolve(place.file(n, imageSeed(settings.seed, n)))
			)
				throw new OptionError("preview", "it is a file of --output");
	if (place.format === "jpeg")
		checkParameters(
			"jpeg",
			imageParameters({ seed: settings.seed, settings }, pipeline),
		);
	if (remade?.vae && !flags.vae)
		warn(
			{
				code: "settings_left_out",
				message: `the picture was decoded by another autoencoder than the model's, ${remade.vae}: say where it is with --vae`,
			},
			flags,
		);
	for (const warning of remade?.warnings ?? []) warn(warning, flags);
	const bar = progressBar({
		label: "drawing",
		total:
			settings.evaluations * Math.ceil(settings.numImages / settings.batchSize),
		unit: "it",
		quiet,
	});
	let steps = 0;
	// only what is asked for is kept
	const latents: Tensor[] = [];
	const noise: Tensor[] = [];
	let last: GeneratedImage | undefined;
	try {
		for await (const event of pipeline.stream({
			...options,
			seed: settings.seed,
			...(preview && { previewEvery: flags.previewEvery ?? 1 }),
			signal,
		})) {
			if (event.kind === "step") {
				if (event.preview) preview?.show(event.preview, settings);
				bar.update(++steps, event.step.encoderRan ? "key step" : "");
				continue;
			}
			if (event.kind === "warning") warn(event, flags);
			if (event.kind !== "image") continue;
			const { result } = event;
			const file = place.file(result.index, result.seed);
			await place.prepare();
			await writeImage(file, result.image, result);
			preview?.show(result.image);
			if (flags.saveLatents) latents.push(result.latents);
			if (flags.saveInitialNoise) noise.push(result.initialNoise);
			report(result, file, pipeline, flags, bar, started);
			last = result;
		}
		const advice =
			last &&
			(await fasterEngine({
				engine: pipeline.engine,
				asked: flags.engine,
				device: flags.device,
				seconds: last.cost.denoisingSeconds + last.cost.decodingSeconds,
			}));
		if (advice && !flags.quiet && !flags.json)
			process.stderr.write(`${advice}\n`);
	} finally {
		bar.stop();
		await preview?.finish((message) =>
			warn({ code: "no_preview", message }, flags),
		);
		await saveTensors("--save-latents", flags.saveLatents, latents);
		await saveTensors("--save-initial-noise", flags.saveInitialNoise, noise);
	}
}

async function saveTensors(
	flag: string,
	path: string | undefined,
	tensors: readonly Tensor[],
): Promise<void> {
	if (path && tensors.length > 0)
		await writeWhole(path, encodeNpy(concat(tensors)), {
			label: `${flag} ${path}`,
		});
}

function report(
	{ index, seed, image, settings, cost }: GeneratedImage,
	file: string,
	pipeline: Pipeline,
	flags: GenerateFlags,
	bar: ProgressBar,
	started: number,
): void {
	if (flags.json) {
		const line = {
			event: "image",
			file,
			index,
			seed: seed.toString(),
			prompt: settings.prompt,
			negativePrompt: settings.negativePrompt,
			width: image.width,
			height: image.height,
			sampler: settings.sampler.name,
			schedule: settings.schedule,
			steps: settings.steps,
			guidanceScale: settings.guidanceScale,
			plan: settings.plan.label,
			chosenPlan: settings.chosenPlan,
			injectNoise: settings.injection.alpha,
			injectUntil: settings.injection.until,
			model: pipeline.label,
			modelHash: pipeline.hash,
			engine: pipeline.engine,
			precision: pipeline.precision,
			...cost,
			sinceStartSeconds: (performance.now() - started) / 1000,
		};
		process.stdout.write(`${JSON.stringify(line)}\n`);
		return;
	}
	if (flags.quiet) return;
	if (index === settings.numImages - 1) bar.stop();
	const seconds = cost.denoisingSeconds + cost.decodingSeconds;
	process.stderr.write(
		`${file}  seed ${seed}, ${settings.sampler.name} ${planLine(settings)}, ${cost.encoderRuns} of ${cost.evaluations} with the encoder, ${seconds.toFixed(1)} s, ${pipeline.engine} in ${pipeline.precision}\n`,
	);
}

/** How many steps, by what plan. */
function planLine({
	steps,
	plan,
	chosenPlan,
}: Pick<RunSettings, "steps" | "plan" | "chosenPlan">): string {
	const count = `${steps} ${steps === 1 ? "step" : "steps"}`;
	if (chosenPlan?.kind === "tuned")
		return `${count} of a plan tuned for ${chosenPlan.standsFor} (quality ${chosenPlan.quality})`;
	if (chosenPlan?.kind === "general")
		return `${count} of a general plan for ${chosenPlan.standsFor} (quality ${chosenPlan.quality}), never measured on such a run of these weights`;
	if (!isPlain(plan)) return count;
	if (plan.times) return `${count} at times of their own`;
	return chosenPlan?.quality
		? `${count}, plain (no plan of quality ${chosenPlan.quality} is known for this run)`
		: `${count}, plain`;
}
