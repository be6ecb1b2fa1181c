import { paperFigures } from "./publishedFigures.js";
import type { Results } from "./results.js";

/** What a run's tables are to be read by, a paragraph each. */
export function resultsNotes(results: Results): string[] {
	const { methods, definition } = results;
	const { protocol, image, model } = definition;
	const lines = [
		`Protocol ${protocol.name} (version ${protocol.version}): ${protocol.images} images by each method, ${protocol.reals} real images, captions ${protocol.captions.slice(0, 10)}. Images of ${image.width} x ${image.height}, guidance ${image.guidanceScale}, seeds one a caption, the same for all methods. Model: UNet ${model.unet}, text encoder ${model.textEncoder}, VAE ${model.vae}.`,
		Object.values(results.measures).join(" "),
		"In brackets: 95 % intervals over captions with the reals fixed, by the bootstrap for means and by the delete-a-group jackknife for distances; differences are paired by caption and seed. s/image: median (quartiles), from prompt to pixels, without loading and scoring; methods interleaved caption by caption.",
		...results.machines.map(
			(machine) =>
				`Machine ${machine.id}: ${machine.processor}, ${machine.cores} cores, ${(machine.memory / 2 ** 30).toFixed(0)} GiB, ${machine.platform}; ${machine.device}; Node ${machine.node}, ${machine.runtime}, faster-diffusion ${machine.program}.`,
		),
		`Peak memory of a process: ${(results.peakMemory / 2 ** 20).toFixed(0)} MiB.`,
		...results.warnings.map((line) => `Note: ${line}.`),
		...(results.brokenReals.length > 0
			? [
					`${results.brokenReals.length} real images could not be read: ${results.brokenReals
						.slice(0, 5)
						.map(({ id }) => id)
						.join(", ")}.`,
				]
			: []),
	];
	const paper = methods.flatMap(({ name }) => {
		const known = paperFigures[name];
		return known
			? [`${name} ${known.fid} / ${known.clipScore} / ${known.seconds} s`]
			: [];
	});
	return [
		...lines,
		...(paper.length > 0
			? [
					`Published elsewhere (FID / CLIP score / s per image), Faster Diffusion, table 1 (10K prompts, an A40): ${paper.join("; ")}. The study's columns are of COCO 2017 val, 5,000 images, on its own GPU. Figures of other protocols and models stand beside ours, not against them.`,
				]
			: []),
	];
}
