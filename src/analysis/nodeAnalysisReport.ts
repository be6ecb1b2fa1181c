import { join } from "node:path";
import sharp from "sharp";
import { writeWhole } from "../files/nodeWriteWhole.js";
import type { RgbImage } from "../image/rgbImage.js";
import { encodeNpyDoubles } from "../tensor/npy.js";
import { analysisPlots, type NamedPlot } from "./analysisPlots.js";
import {
	changeRows,
	csv,
	MEASURES,
	measureArray,
	pairArray,
	spectrumRows,
} from "./analysisTables.js";
import type { Analysis } from "./analyzePrompts.js";
import { verdictSentence } from "./verdict.js";

/** The verdicts in words: relative change first, which does not depend on the features' scale. */
export function verdictSentences({ verdicts }: Analysis): string[] {
	return [
		verdictSentence(verdicts.relativeChange, "relative L2 change"),
		verdictSentence(verdicts.meanSquaredDifference, "mean squared difference"),
	];
}

/**
 * Writes everything into a folder: report.html (self-contained), plots as SVG and PNG, pictures, and all numbers:
 * summary.json, changes.csv, spectra.csv, and .npy arrays whose axes summary.json names.
 */
export async function writeAnalysisReport(
	analysis: Analysis,
	folder: string,
	about: { readonly model: string; readonly modelHash: string },
): Promise<void> {
	const write = (name: string, content: string | Uint8Array) =>
		writeWhole(join(folder, name), content, { makeFolder: true });
	await write("changes.csv", csv(changeRows(analysis)));
	await write("spectra.csv", csv(spectrumRows(analysis)));
	for (const measure of MEASURES)
		await write(
			`${measure}.npy`,
			encodeNpyDoubles(measureArray(analysis, measure)),
		);
	for (const matrix of ["similarity", "relativeDistance"] as const)
		await write(`${matrix}.npy`, encodeNpyDoubles(pairArray(analysis, matrix)));
	await write("summary.json", summary(analysis, about));
	const plots = await analysisPlots(analysis);
	for (const { name, svg } of plots) {
		await write(`plots/${name}.svg`, svg);
		await write(
			`plots/${name}.png`,
			await sharp(Buffer.from(svg), { density: 144 }).png().toBuffer(),
		);
	}
	const pictures = await analysisPictures(analysis);
	for (const { name, png } of pictures)
		await write(`pictures/${name}.png`, png);
	await write("report.html", page(analysis, about, plots, pictures));
}

function summary(
	analysis: Analysis,
	about: { readonly model: string; readonly modelHash: string },
): string {
	return `${JSON.stringify(
		{
			...about,
			sampler: analysis.sampler,
			steps: analysis.steps,
			timesteps: analysis.timesteps,
			prompts: analysis.prompts,
			guidance: analysis.guidance,
			blocks: analysis.blocks.map(({ name, half, kind, channels, pca }) => ({
				name,
				half,
				kind,
				channels,
				...(pca ? { explainedVariance: pca.explained } : {}),
			})),
			axes: {
				"relativeChange.npy, meanSquaredDifference.npy, cosine.npy, norm.npy": [
					"prompts",
					"guidance",
					"blocks",
					"evaluations",
				],
				"similarity.npy, relativeDistance.npy": [
					"guidance",
					"blocks",
					"evaluations",
					"evaluations",
				],
			},
			verdicts: analysis.verdicts,
			sentences: verdictSentences(analysis),
		},
		undefined,
		"\t",
	)}\n`;
}

interface NamedPicture {
	readonly name: string;
	readonly title: string;
	readonly png: Uint8Array;
}

async function analysisPictures(analysis: Analysis): Promise<NamedPicture[]> {
	const pictures: NamedPicture[] = [
		{
			name: "predicted-images",
			title: "What each step predicts the image to be (x0), first prompt",
			png: await strip(analysis.predictedImages, "cubic"),
		},
	];
	for (const { name, pca } of analysis.blocks)
		if (pca)
			pictures.push({
				name: `pca-${name}`,
				title: name,
				png: await strip(pca.pictures, "nearest"),
			});
	return pictures;
}

/** Pictures of one size side by side, each brought to 96 pixels of height. */
async function strip(
	images: readonly RgbImage[],
	kernel: "nearest" | "cubic",
): Promise<Uint8Array> {
	const [{ width, height }] = images;
	const scaled = { width: Math.round((96 * width) / height), height: 96 };
	const tiles = await Promise.all(
		images.map(({ data }) =>
			sharp(data, { raw: { width, height, channels: 3 } })
				.resize({ ...scaled, kernel, fit: "fill" })
				.png()
				.toBuffer(),
		),
	);
	return sharp({
		create: {
			width: tiles.length * (scaled.width + 4) - 4,
			height: scaled.height,
			channels: 3,
			background: "white",
		},
	})
		.composite(
			tiles.map((input, n) => ({
				input,
				left: n * (scaled.width + 4),
				top: 0,
			})),
		)
		.png()
		.toBuffer();
}

function page(
	analysis: Analysis,
	about: { readonly model: string; readonly modelHash: string },
	plots: readonly NamedPlot[],
	pictures: readonly NamedPicture[],
): string {
	const image = ({ title, png }: NamedPicture) =>
		`<img alt="${escaped(title)}" src="data:image/png;base64,${Buffer.from(png).toString("base64")}">`;
	const [predicted, ...components] = pictures;
	const shown = analysis.shownEvaluations.map(
		(index) => `${index} (t = ${Math.round(analysis.timesteps[index])})`,
	);
	return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Feature analysis: ${escaped(about.model)}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
figure { margin: 1.5rem 0; overflow-x: auto } img { max-width: 100% } svg { max-width: 100%; height: auto }
td, th { padding: 0 .8em .1em 0; text-align: left; vertical-align: middle }
.verdict { border-left: 4px solid #4c78a8; padding-left: 1rem }
</style>
<h1>How features change from step to step</h1>
<p>${escaped(about.model)} (${escaped(about.modelHash)}), ${escaped(analysis.sampler)}, ${analysis.steps} steps, ${analysis.prompts.length} prompt${analysis.prompts.length === 1 ? "" : "s"}.</p>
<div class="verdict">${verdictSentences(analysis)
		.map((sentence) => `<p>${escaped(sentence)}</p>`)
		.join("")}</div>
<h2>What each step predicts</h2>
<p>“${escaped(analysis.prompts[0])}”, steps ${shown.join(", ")}.</p>
<figure>${image(predicted)}</figure>
${plots
	.map(
		({ title, svg }) => `<h2>${escaped(title)}</h2>\n<figure>${svg}</figure>`,
	)
	.join("\n")}
<h2>Principal components of the features</h2>
<p>The first three components as red, green and blue, with one basis for all steps: steps ${shown.join(", ")} of the first prompt, conditional.</p>
<table>${components.map((own) => `<tr><th>${escaped(own.title)}</th><td>${image(own)}</td></tr>`).join("\n")}</table>
<h2>Prompts</h2>
<ol>${analysis.prompts.map((prompt) => `<li>${escaped(prompt)}</li>`).join("")}</ol>
</html>
`;
}

function escaped(text: string): string {
	return text
		.replaceAll("&", "&amp;")
		.replaceAll("<", "&lt;")
		.replaceAll(">", "&gt;")
		.replaceAll('"', "&quot;");
}
