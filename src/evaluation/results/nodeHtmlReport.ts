import sharp from "sharp";
import type { ResolvedProtocol } from "../../datasets/protocol.js";
import { readRegularFile } from "../../files/nodeReadRegularFile.js";
import { longestPicture } from "../../image/nodeImageFile.js";
import { imagePath } from "../run/nodeImagePath.js";
import { findings } from "./findings.js";
import { paretoPlot } from "./paretoPlot.js";
import { escapeHtml, page, tableHtml } from "./reportPage.js";
import type { MethodResults, Results, WorstCaption } from "./results.js";
import { resultsNotes } from "./resultsNotes.js";
import { resultsTables } from "./resultsTables.js";

/** Captions in the image grid, and images of the drill-down for each method. */
const GRID = 8;
const WORST_SHOWN = 6;
/** Larger images stand in the page as WebP of this edge: twenty methods at 512 pixels would be hundreds of megabytes. */
const SHOWN_EDGE = 256;

/**
 * The report of a run as one HTML file with nothing outside it: the tables, quality against time, images of all methods for the
 * same captions and seeds, and the captions where each method moved the image or lost CLIP score most. Captions are escaped; the page runs no
 * script.
 */
export async function htmlReport(
	out: string,
	results: Results,
	captions: ResolvedProtocol,
): Promise<string> {
	const { methods } = results;
	const found = findings(results);
	const worst: string[] = [];
	for (const method of methods) worst.push(await worstSection(out, method));
	const drift = worst.some((section) => section !== "");
	return page(`Evaluation: ${results.definition.protocol.name}`, [
		`<h1>Evaluation: ${escapeHtml(results.definition.protocol.name)}</h1>`,
		`<nav>${[
			...(found.length > 0 ? [["#found", "What was found"]] : []),
			["#measured", "How it was measured"],
			["#time", "Quality against time"],
			["#images", "Images"],
			...(drift ? [["#drift", "Where images move most"]] : []),
		]
			.map(([place, words]) => `<a href="${place}">${words}</a>`)
			.join(" · ")}</nav>`,
		...resultsTables(results).flatMap((table, position) => [
			position === 0 ? "" : `<h2>${escapeHtml(table.title)}</h2>`,
			tableHtml(table),
		]),
		...(found.length > 0
			? [
					'<h2 id="found">What was found</h2>',
					`<ul>${found.map((line) => `<li>${escapeHtml(line)}</li>`).join("\n")}</ul>`,
				]
			: []),
		'<h2 id="measured">How it was measured</h2>',
		...resultsNotes(results).map((note) => `<p>${escapeHtml(note)}</p>`),
		'<h2 id="time">Quality against time</h2>',
		"<p>Up and to the left is better. Whiskers: 95 % intervals and quartiles. The line joins the methods that no other one beats in both; their points are full. The numbers:</p>",
		`<ol class="numbers">${methods.map(({ name }) => `<li>${escapeHtml(name)}</li>`).join("")}</ol>`,
		...(await plots(results)),
		'<h2 id="images">The same captions and seeds by every method</h2>',
		await grid(out, methods, captions),
		...(drift
			? [
					'<h2 id="drift">Where images move most</h2>',
					"<p>For each method the captions with the lowest SSIM to the plain image of the same seed, and those whose CLIP score falls most below that of the plain image. The plain image is on the left. All captions are in images.csv.</p>",
					...worst,
				]
			: []),
	]);
}

async function plots({ methods }: Results): Promise<string[]> {
	const figures: string[] = [];
	const add = async (
		title: string,
		value: (method: MethodResults) => MethodResults["fid"],
		lowerIsBetter: boolean,
	) => {
		if (methods.some((method) => value(method)))
			figures.push(
				`<figure>${await paretoPlot(methods, title, value, lowerIsBetter)}</figure>`,
			);
	};
	await add("FID (lower is better)", ({ fid }) => fid, true);
	await add(
		"CLIP score (higher is better)",
		({ clipScore }) => clipScore,
		false,
	);
	await add(
		"Fréchet distance of CLIP features (lower is better)",
		({ clipFrechet }) => clipFrechet,
		true,
	);
	if (methods.some(({ fidelity }) => fidelity?.lpips))
		await add(
			"LPIPS to the plain image (lower is nearer)",
			({ fidelity }) => fidelity?.lpips,
			true,
		);
	else
		await add(
			"SSIM to the plain image (higher is nearer)",
			({ fidelity }) => fidelity?.ssim,
			false,
		);
	return figures;
}

async function grid(
	out: string,
	methods: readonly MethodResults[],
	{ entries }: ResolvedProtocol,
): Promise<string> {
	const shown = entries.slice(0, GRID);
	const rows: string[] = [];
	for (const [index, { caption, seed }] of shown.entries()) {
		const cells: string[] = [];
		for (const { name } of methods)
			cells.push(
				`<td>${await picture(out, name, index, `${name}: ${caption}`)}</td>`,
			);
		rows.push(
			`<tr><th scope="row">${escapeHtml(caption)}<br><small>seed ${seed}</small></th>${cells.join("")}</tr>`,
		);
	}
	const header = methods
		.map(
			({ name }, position) =>
				`<th scope="col">${position + 1}. ${escapeHtml(name)}</th>`,
		)
		.join("");
	return `<div class="wide"><table class="images"><thead><tr><td></td>${header}</tr></thead><tbody>${rows.join("\n")}</tbody></table></div>`;
}

async function worstSection(
	out: string,
	{ name, worst, worstClipScore, fidelity }: MethodResults,
): Promise<string> {
	if (worst.length === 0 || !fidelity) return "";
	const list = async (title: string, captions: readonly WorstCaption[]) => {
		if (captions.length === 0) return "";
		const items: string[] = [];
		for (const [position, caption] of captions.entries())
			items.push(
				await worstItem(
					out,
					name,
					fidelity.to,
					caption,
					position < WORST_SHOWN,
				),
			);
		return `<h3>${title}</h3><ol class="worst">${items.join("\n")}</ol>`;
	};
	return `<details><summary>${escapeHtml(name)} against ${escapeHtml(fidelity.to)}</summary>${await list(
		"Lowest SSIM",
		worst,
	)}${await list("Largest loss of CLIP score", worstClipScore)}</details>`;
}

async function worstItem(
	out: string,
	name: string,
	plain: string,
	{ index, caption, seed, ssim, psnr, lpips, clipScore }: WorstCaption,
	shown: boolean,
): Promise<string> {
	const images = shown
		? `${await picture(out, plain, index, `${plain}: ${caption}`)} ${await picture(out, name, index, `${name}: ${caption}`)}`
		: "";
	const facts = [
		`SSIM ${ssim.toFixed(3)}`,
		...(psnr === undefined ? [] : [`PSNR ${psnr.toFixed(1)} dB`]),
		...(lpips === undefined ? [] : [`LPIPS ${lpips.toFixed(3)}`]),
		...(clipScore === undefined
			? []
			: [
					`CLIP score ${clipScore < 0 ? "−" : "+"}${Math.abs(clipScore).toFixed(3)}`,
				]),
		`caption ${index}, seed ${seed}`,
	].join(", ");
	return `<li>${images}<div>${escapeHtml(caption)}<br><small>${facts}</small></div></li>`;
}

/** The kept image inside the page; a word where it was not kept. */
async function picture(
	out: string,
	method: string,
	index: number,
	words: string,
): Promise<string> {
	const bytes = await readRegularFile(
		imagePath(out, method, index),
		longestPicture,
	).catch(() => undefined);
	if (!bytes) return "<span>not kept</span>";
	const shown = await shownPicture(bytes).catch(() => undefined);
	if (!shown) return "<span>damaged</span>";
	return `<img alt="${escapeHtml(words)}" loading="lazy" src="data:image/${shown.format};base64,${Buffer.from(shown.bytes).toString("base64")}">`;
}

/** The file as it is where it is small, else smaller. */
async function shownPicture(
	png: Uint8Array,
): Promise<{ format: string; bytes: Uint8Array }> {
	const picture = sharp(png);
	const { width = 0, height = 0 } = await picture.metadata();
	if (Math.max(width, height) <= SHOWN_EDGE)
		return { format: "png", bytes: png };
	const fitted = picture.resize(SHOWN_EDGE, SHOWN_EDGE, { fit: "inside" });
	return {
		format: "webp",
		bytes: await fitted.webp({ quality: 90 }).toBuffer(),
	};
}
