import { readFile } from "node:fs/promises";
import type { ResolvedProtocol } from "../datasets/protocol.js";
import { findings } from "./findings.js";
import { imagePath } from "./nodeImagePath.js";
import { paretoPlot } from "./paretoPlot.js";
import { escapeHtml, page, tableHtml } from "./reportPage.js";
import type { MethodResults, Results } from "./results.js";
import { resultsTable } from "./resultsTable.js";

/** Captions in the image grid, and images of the drill-down for each method. */
const GRID = 8;
const WORST_SHOWN = 6;

/**
 * The report of a run as one HTML file with nothing outside it: the tables, quality against time, images of all methods for the
 * same captions and seeds, and the captions where each method moved the image most. Captions are escaped; the page runs no
 * script.
 */
export async function htmlReport(
	out: string,
	results: Results,
	captions: ResolvedProtocol,
): Promise<string> {
	const { methods } = results;
	const blocks = resultsTable(results).split("\n\n");
	const tables = blocks.filter((block) => block.startsWith("|"));
	const notes = blocks.filter(
		(block) => block !== "" && !block.startsWith("|"),
	);
	const worst: string[] = [];
	for (const method of methods) worst.push(await worstSection(out, method));
	return page(`Evaluation: ${results.definition.protocol.name}`, [
		`<h1>Evaluation: ${escapeHtml(results.definition.protocol.name)}</h1>`,
		...tables.map(tableHtml),
		"<h2>What was found</h2>",
		`<ul>${findings(results)
			.map((line) => `<li>${escapeHtml(line)}</li>`)
			.join("\n")}</ul>`,
		"<h2>How it was measured</h2>",
		...notes.map((note) => `<p>${escapeHtml(note)}</p>`),
		"<h2>Quality against time</h2>",
		"<p>Up and to the left is better. Whiskers: 95 % intervals and quartiles. The line joins the methods that no other one beats in both.</p>",
		...(await plots(results)),
		"<h2>The same captions and seeds by every method</h2>",
		await grid(out, methods, captions),
		"<h2>Where images move most</h2>",
		"<p>Captions with the lowest SSIM to the plain image of the same seed; beside each image the plain one.</p>",
		...worst,
	]);
}

async function plots({ methods }: Results): Promise<string[]> {
	const figures: string[] = [];
	const add = async (
		title: string,
		value: (method: MethodResults) => MethodResults["fid"],
		lowerIsBetter: boolean,
	) => {
		if (methods.every((method) => value(method)))
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
		.map(({ name }) => `<th scope="col">${escapeHtml(name)}</th>`)
		.join("");
	return `<div class="wide"><table class="images"><thead><tr><td></td>${header}</tr></thead><tbody>${rows.join("\n")}</tbody></table></div>`;
}

async function worstSection(
	out: string,
	{ name, worst, fidelity }: MethodResults,
): Promise<string> {
	if (worst.length === 0 || !fidelity) return "";
	const items: string[] = [];
	for (const [
		position,
		{ index, caption, seed, ssim, psnr, clipScore },
	] of worst.entries()) {
		const images =
			position < WORST_SHOWN
				? `${await picture(out, fidelity.to, index, `${fidelity.to}: ${caption}`)}${await picture(out, name, index, `${name}: ${caption}`)}`
				: "";
		const facts = [
			`SSIM ${ssim.toFixed(3)}`,
			...(psnr === undefined ? [] : [`PSNR ${psnr.toFixed(1)} dB`]),
			...(clipScore === undefined
				? []
				: [
						`CLIP score ${clipScore < 0 ? "−" : "+"}${Math.abs(clipScore).toFixed(3)}`,
					]),
			`seed ${seed}`,
		].join(", ");
		items.push(
			`<li>${images}<div>${escapeHtml(caption)}<br><small>${facts}</small></div></li>`,
		);
	}
	return `<details><summary>${escapeHtml(name)} against ${escapeHtml(fidelity.to)}</summary><ol class="worst">${items.join("\n")}</ol></details>`;
}

/** The kept image inside the page; a word where it was not kept. */
async function picture(
	out: string,
	method: string,
	index: number,
	words: string,
): Promise<string> {
	const bytes = await readFile(imagePath(out, method, index)).catch(
		() => undefined,
	);
	return bytes
		? `<img alt="${escapeHtml(words)}" loading="lazy" src="data:image/png;base64,${bytes.toString("base64")}">`
		: "<span>not kept</span>";
}
