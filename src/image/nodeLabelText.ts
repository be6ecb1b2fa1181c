import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

/** Advance in thousandths of the font size, and outline as an SVG path in the same units, baseline at y = 0. */
type Glyph = readonly [advance: number, outline: string];

let glyphs: Readonly<Record<string, Glyph | undefined>> | undefined;

/** Shown for letters that the embedded font lacks. */
const MISSING = "□";

function glyphOf(letter: string): Glyph {
	glyphs ??= JSON.parse(
		gunzipSync(
			readFileSync(
				join(import.meta.dirname, "../../models/label-font/glyphs.json.gz"),
			),
		).toString("utf8"),
	) as NonNullable<typeof glyphs>;
	return glyphs[letter] ?? glyphs[MISSING] ?? [600, ""];
}

/** Width of a line of text, in pixels, at a font size in pixels. */
export function textWidth(text: string, fontSize: number): number {
	let thousandths = 0;
	for (const letter of text) thousandths += glyphOf(letter)[0];
	return (thousandths * fontSize) / 1000;
}

/**
 * The lines of a text no wider than `width` pixels, broken at spaces, or inside words that are wider; of more than `maxLines` the
 * last one ends in "…".
 */
export function wrapText(
	text: string,
	width: number,
	fontSize: number,
	maxLines = 3,
): string[] {
	const lines: string[] = [];
	const fits = (line: string) => textWidth(line, fontSize) <= width;
	let line = "";
	const words = text.split(/\s+/).filter(Boolean);
	// More than any label shows; a prompt can be a megabyte.
	for (const word of words.slice(0, 1000)) {
		if (lines.length > maxLines) break;
		if (line && fits(`${line} ${word}`)) {
			line = `${line} ${word}`;
			continue;
		}
		if (line) lines.push(line);
		line = "";
		for (const letter of [...word].slice(0, 2000)) {
			if (line && !fits(line + letter)) {
				lines.push(line);
				line = "";
			}
			line += letter;
		}
	}
	if (line) lines.push(line);
	if (lines.length <= maxLines) return lines;
	let last = lines[maxLines - 1];
	while (last && !fits(`${last}…`)) last = [...last].slice(0, -1).join("");
	return [...lines.slice(0, maxLines - 1), `${last.trimEnd()}…`];
}

/** An SVG element that draws a line of text as outlines, with its baseline at `y` and its left end at `x`. */
export function textOutline(
	text: string,
	x: number,
	y: number,
	fontSize: number,
	colour: string,
): string {
	const scale = fontSize / 1000;
	const paths: string[] = [];
	let at = 0;
	for (const letter of text) {
		const [advance, outline] = glyphOf(letter);
		if (outline)
			paths.push(`<path transform="translate(${at} 0)" d="${outline}"/>`);
		at += advance;
	}
	return `<g fill="${colour}" transform="translate(${x} ${y}) scale(${scale})">${paths.join("")}</g>`;
}
