import { paperFigures, studyFigures } from "./publishedFigures.js";
import type { Figure, MethodResults, Results } from "./results.js";

/** "25.04 (24.80 to 25.31)", or the value alone where there is no interval. */
export function figureText(
	figure: Figure | undefined,
	digits: number,
	signed = false,
): string {
	if (!figure) return "–";
	const text = (value: number) => number(value, digits, signed);
	return figure.low === undefined || figure.high === undefined
		? text(figure.value)
		: `${text(figure.value)} (${text(figure.low)} to ${text(figure.high)})`;
}

function number(value: number, digits: number, signed: boolean): string {
	const text = Math.abs(value).toFixed(digits);
	const negative = value < 0 && Number(text) !== 0;
	return `${negative ? "−" : signed && Number(text) !== 0 ? "+" : ""}${text}`;
}

/** The tables of a run in Markdown: the study's form, then what stands behind it. */
export function resultsTable(results: Results): string {
	const { methods, definition } = results;
	const fid = methods.some((method) => method.fid);
	const clip = methods.some((method) => method.clipScore);
	const distance = fid ? "FID" : "Fréchet distance (CLIP features)";
	const published = methods.some(({ name }) => name in studyFigures);
	const main = table(
		[
			"Method",
			"Steps",
			distance,
			...(clip ? ["CLIP score"] : []),
			"s/image",
			...(published
				? ["FID, study", "CLIP score, study", "s/image, study"]
				: []),
		],
		methods.map((method) => {
			const known = studyFigures[method.name];
			return [
				method.name,
				String(method.steps),
				figureText(fid ? method.fid : method.clipFrechet, fid ? 2 : 3),
				...(clip ? [figureText(method.clipScore, 4)] : []),
				secondsText(method),
				...(published
					? [
							known?.fid.toFixed(2) ?? "–",
							known?.clipScore.toFixed(4) ?? "–",
							known?.seconds.toFixed(2) ?? "–",
						]
					: []),
			];
		}),
	);
	const paired = methods.filter(({ difference }) => difference);
	const differences = table(
		[
			"Method",
			"against",
			`${distance}, difference`,
			...(clip ? ["CLIP score, difference"] : []),
			"faster by",
			"PSNR to plain, dB",
			"SSIM to plain",
		],
		paired.map((method) => [
			method.name,
			method.difference?.to ?? "",
			figureText(
				fid ? method.difference?.fid : method.difference?.clipFrechet,
				fid ? 2 : 3,
				true,
			),
			...(clip ? [figureText(method.difference?.clipScore, 4, true)] : []),
			method.timing.speedup ? `${figureText(method.timing.speedup, 2)} ×` : "–",
			method.fidelity?.psnr?.toFixed(1) ?? "–",
			figureText(method.fidelity?.ssim, 3),
		]),
	);
	const compared = table(
		[
			"Method",
			"against",
			`${distance}, difference`,
			...(clip ? ["CLIP score, difference"] : []),
			"faster by",
		],
		results.comparisons.map((one) => [
			one.method,
			one.to,
			figureText(fid ? one.fid : one.clipFrechet, fid ? 2 : 3, true),
			...(clip ? [figureText(one.clipScore, 4, true)] : []),
			`${figureText(one.timing.speedup, 2)} ×`,
		]),
	);
	const costs = table(
		[
			"Method",
			"GFLOPs/image",
			"encoder runs / evaluations",
			"network s/image",
			"decoder (VAE) s/image",
			"CLIP 100 cos",
		],
		methods.map((method) => [
			method.name,
			(method.flops / 1e9).toFixed(1),
			`${method.encoderRuns} / ${method.evaluations}`,
			method.timing.networkSeconds.median.toFixed(3),
			method.timing.decodingSeconds.median.toFixed(3),
			figureText(method.clipCosine, 2),
		]),
	);
	const { protocol, image, model, scoring } = definition;
	const lines = [
		`Protocol ${protocol.name} (version ${protocol.version}): ${protocol.images} images by each method, ${protocol.reals} real images, captions ${protocol.captions.slice(0, 10)}. Images of ${image.width} x ${image.height}, guidance ${image.guidanceScale}, seeds one a caption, the same for all methods. Model: UNet ${model.unet}, text encoder ${model.textEncoder}, VAE ${model.vae}.`,
		...(scoring.clip
			? [
					`CLIP score: 2.5 max(cos, 0), caption after "A photo depicts " (Hessel et al.); CLIP ${scoring.clip.weights}.${fid ? "" : " The Fréchet distance is one of CLIP image embeddings: it is no FID and comparable only within this table."}`,
				]
			: []),
		...(scoring.inception ? [`FID: ${scoring.inception.madeWith}.`] : []),
		"In brackets: 95 % bootstrap intervals over captions (reals fixed); differences are paired by caption and seed. s/image: median (quartiles), from prompt to pixels, without loading and scoring; methods interleaved caption by caption.",
		...results.machines.map(
			(machine) =>
				`Machine ${machine.id}: ${machine.processor}, ${machine.cores} cores, ${(machine.memory / 2 ** 30).toFixed(0)} GiB, ${machine.platform}; ${machine.device}; Node ${machine.node}, ${machine.runtime}, faster-diffusion ${machine.program}. Peak memory ${(results.peakMemory / 2 ** 20).toFixed(0)} MiB.`,
		),
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
		main,
		...(paired.length > 0 ? [differences] : []),
		...(results.comparisons.length > 0 ? [compared] : []),
		costs,
		...lines,
		...(paper.length > 0
			? [
					`Published elsewhere (FID / CLIP score / s per image), Faster Diffusion, table 1 (10K prompts, an A40): ${paper.join("; ")}. The study's columns are of COCO 2017 val, 5,000 images, on its own GPU. Figures of other protocols and models stand beside ours, not against them.`,
				]
			: []),
		"",
	].join("\n\n");
}

function secondsText({ timing: { seconds } }: MethodResults): string {
	return `${seconds.median.toFixed(2)} (${seconds.lowQuartile.toFixed(2)} to ${seconds.highQuartile.toFixed(2)})`;
}

function table(
	header: readonly string[],
	rows: readonly (readonly string[])[],
): string {
	const line = (cells: readonly string[]) =>
		`| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
	return [
		line(header),
		line(header.map((_, column) => (column === 0 ? "---" : "---:"))),
		...rows.map(line),
	].join("\n");
}
