import type { PictureOptions } from "./pictureSource.js";

/** Options that one picture is drawn with or without: they say how many, not which. */
const NOT_OF_ONE = new Set([
	"prompt",
	"model",
	"numImages",
	"batchSize",
	"maxDecodeBatch",
	"previewEvery",
]);
/** Options whose default goes by the model alone: where they have it, they need not be said. */
const FIXED = new Set([
	"width",
	"height",
	"negativePrompt",
	"clipSkip",
	"rng",
	"schedule",
	"injectUntil",
	"promptWeighting",
	"longPrompts",
]);
/** Pictures are files on the command line. */
const FILES: Readonly<Record<string, string>> = {
	initImage: "picture.png",
	mask: "mask.png",
	controlImage: "control.png",
};

/**
 * The command that draws a picture again.
 * @param options those of the picture; its init image and mask may be among them
 * @param defaults of the model: what is as it is there is not said
 * @param model the name of the model, where it is not the embedded one
 */
export function commandLine(
	options: PictureOptions,
	defaults: PictureOptions,
	model?: string,
): string {
	const prompt = String(options.prompt ?? "");
	const flags = model === undefined ? [] : ["--model", quoted(model)];
	for (const [name, value] of Object.entries(options)) {
		if (NOT_OF_ONE.has(name)) continue;
		if (FIXED.has(name) && isSame(value, defaults[name])) continue;
		const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
		if (name in FILES) flags.push(flag, FILES[name]);
		else if (value === true) flags.push(flag);
		else if (typeof value === "string" || typeof value === "number")
			flags.push(flag, quoted(String(value)));
	}
	const words = prompt.startsWith("-")
		? [...flags, "--", quoted(prompt)]
		: [quoted(prompt), ...flags];
	return ["fdiff", ...words].join(" ");
}

const isSame = (a: unknown, b: unknown) =>
	JSON.stringify(a) === JSON.stringify(b);

/** A word as a POSIX shell reads it. */
function quoted(word: string): string {
	if (/^[\w.,:/@%+=-]+$/.test(word)) return word;
	return `'${word.replaceAll("'", "'\\''")}'`;
}
