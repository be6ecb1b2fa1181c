import { clipMmdName } from "./measureWords.js";
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

/** The tables and notes of a run in Markdown, as they stand on a terminal. */
export function resultsTable(results: Results): string {
	const { tables, notes } = resultsBlocks(results);
	const [main, ...others] = tables;
	return [
		main.markdown,
		...others.flatMap(({ title, markdown }) => [`${title}:`, markdown]),
		...notes,
		"",
	].join("\n\n");
}

/** The tables of a run in Markdown, the study's form first and then what stands behind it; and the notes to read them by. */
export function resultsBlocks(results: Results): {
	readonly tables: readonly {
		readonly title: string;
		readonly markdown: string;
	}[];
	readonly notes: readonly string[];
} {
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
	const paired = methods.filter(
		({ difference, fidelity }) => difference ?? fidelity,
	);
	const lpips = methods.some(({ fidelity }) => fidelity?.lpips);
	const differences = table(
		[
			"Method",
			"against",
			`${distance}, difference`,
			...(clip ? ["CLIP score, difference"] : []),
			"faster by",
			"PSNR to plain, dB",
			"SSIM to plain",
			...(lpips ? ["LPIPS to plain"] : []),
		],
		paired.map((method) => [
			method.name,
			method.difference?.to ?? method.fidelity?.to ?? "",
			figureText(
				fid ? method.difference?.fid : method.difference?.clipFrechet,
				fid ? 2 : 3,
				true,
			),
			...(clip ? [figureText(method.difference?.clipScore, 4, true)] : []),
			method.timing.speedup ? `${figureText(method.timing.speedup, 2)} ×` : "–",
			method.fidelity?.psnr?.toFixed(1) ?? "–",
			figureText(method.fidelity?.ssim, 3),
			...(lpips ? [figureText(method.fidelity?.lpips, 3)] : []),
		]),
	);
	const further = furtherMeasures(results, fid);
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
	const { protocol, image, model } = definition;
	const lines = [
		`Protocol ${protocol.name} (version ${protocol.version}): ${protocol.images} images by each method, ${protocol.reals} real images, captions ${protocol.captions.slice(0, 10)}. Images of ${image.width} x ${image.height}, guidance ${image.guidanceScale}, seeds one a caption, the same for all methods. Model: UNet ${model.unet}, text encoder ${model.textEncoder}, VAE ${model.vae}.`,
		Object.values(results.measures).join(" "),
		"In brackets: 95 % intervals over captions with the reals fixed, by the bootstrap for means and by the delete-a-group jackknife for distances; differences are paired by caption and seed. s/image: median (quartiles), from prompt to pixels, without loading and scoring; methods interleaved caption by caption.",
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
	const titled = (title: string, markdown: string | undefined) =>
		markdown === undefined ? [] : [{ title, markdown }];
	return {
		tables: [
			...titled("Quality and time", main),
			...titled(
				"Against plain sampling with the same seeds",
				paired.length > 0 ? differences : undefined,
			),
			...titled(
				"Against propagation with the paper's key steps",
				results.comparisons.length > 0 ? compared : undefined,
			),
			...titled("Other measures of quality", further),
			...titled("Costs", costs),
		],
		notes: [
			...lines,
			...(paper.length > 0
				? [
						`Published elsewhere (FID / CLIP score / s per image), Faster Diffusion, table 1 (10K prompts, an A40): ${paper.join("; ")}. The study's columns are of COCO 2017 val, 5,000 images, on its own GPU. Figures of other protocols and models stand beside ours, not against them.`,
					]
				: []),
		],
	};
}

/** KID, Inception score and the measures of CLIP features that are not in the main table, with paired differences. */
function furtherMeasures(
	{ methods, definition }: Results,
	fid: boolean,
): string | undefined {
	const mmd = clipMmdName(definition.scoring);
	const columns = [
		{
			title: "KID x 1000",
			text: ({ kid }: MethodResults) =>
				kid
					? `${figureText(scaled(kid, 1000), 2)} ± ${(1000 * kid.deviation).toFixed(2)}`
					: undefined,
		},
		{
			title: "KID x 1000, difference",
			text: ({ difference }: MethodResults) =>
				difference?.kid && figureText(scaled(difference.kid, 1000), 2, true),
		},
		{
			title: "Inception score",
			text: ({ inceptionScore: score }: MethodResults) =>
				score && `${score.value.toFixed(2)} ± ${score.deviation.toFixed(2)}`,
		},
		{
			title: "Fréchet distance (CLIP features)",
			text: ({ clipFrechet }: MethodResults) =>
				fid && clipFrechet ? figureText(clipFrechet, 3) : undefined,
		},
		{
			title: mmd,
			text: ({ clipMmd }: MethodResults) => clipMmd && figureText(clipMmd, 3),
		},
		{
			title: `${mmd}, difference`,
			text: ({ difference }: MethodResults) =>
				difference?.clipMmd && figureText(difference.clipMmd, 3, true),
		},
	].filter(({ text }) => methods.some(text));
	if (columns.length === 0) return undefined;
	return table(
		["Method", ...columns.map(({ title }) => title)],
		methods.map((method) => [
			method.name,
			...columns.map(({ text }) => text(method) ?? "–"),
		]),
	);
}

/** A figure in smaller units. */
export function scaled({ value, low, high }: Figure, factor: number): Figure {
	return {
		value: factor * value,
		...(low === undefined || high === undefined
			? {}
			: { low: factor * low, high: factor * high }),
	};
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
