import { RESIZE_MODES } from "../image/resizeModes.js";
import { choice, colour, flag, number, picture, whole } from "./optionKinds.js";
import type { DefaultBasis, OptionEntry } from "./options.js";

/** What was given of pictures, as far as defaults go by it. */
export interface GivenPictures {
	readonly initImage?: { readonly width: number; readonly height: number };
	readonly mask?: unknown;
	readonly onlyMasked?: boolean;
	readonly hires?: number;
	readonly hiresUpscaler?: string;
	readonly width?: number;
	readonly height?: number;
}

/** What the masked part of a picture is before it is drawn anew. */
export const MASKED_CONTENTS = ["original", "noise", "fill"] as const;
/** In what a small picture is enlarged before it is drawn on. */
export const HIRES_UPSCALERS = ["lanczos", "latent"] as const;

/** A picture is drawn at its own size where it has at most this many times as many, or as few, pixels as the model was trained at. */
const NEAR_TRAINED = 2.25;
/** Keys of A1111's pictures that were drawn small and then larger. */
const HIRES = /^(Hires (upscale|resize|steps|upscaler)|First pass size)$/;

/** How pairs of our words and A1111's stand in parameters. */
const words = <Word extends string>(
	key: string,
	names: Readonly<Record<Word, string>>,
) => ({
	key,
	write: (word: Word) => names[word],
	read: (name: string) =>
		(Object.keys(names) as Word[]).find((word) => names[word] === name),
});

const needsPicture = {
	needs: ["initImage", "there is no picture to begin with"],
} as const;
const needsMask = { needs: ["mask", "there is no mask"] } as const;
const needsHires = {
	needs: ["hires", "nothing is drawn larger without a factor for it"],
} as const;
const givenBesideTheRun = {
	json: false,
	group: "Pictures from pictures",
} as const;

/** The options of a run that begins with a picture, draws a part of one anew, or draws its picture larger. */
export const PICTURE_OPTIONS = {
	initImage: {
		...picture("file"),
		...givenBesideTheRun,
		help: "begin with this picture, turned upright as its EXIF says, instead of noise alone",
		parameter: { key: "Init image", write: () => "given", read: () => null },
	},
	strength: {
		...number("x", 0, 1),
		...needsPicture,
		help: "how much of it is drawn anew: the share of the steps that is run, as in diffusers (default: 0.8; 1 with a mask)",
		group: "Pictures from pictures",
		default: ({ given }: DefaultBasis) =>
			given.initImage ? (given.mask ? 1 : 0.8) : undefined,
		parameter: {
			key: "Denoising strength",
			read: (word: string, all: ReadonlyMap<string, string>) =>
				isHires(all) ? null : Number(word),
		},
	},
	resizeMode: {
		...choice("mode", RESIZE_MODES),
		...needsPicture,
		help: "how a picture of another shape is brought to the size: cut at the sides, whole with its borders drawn out, or stretched (default: crop)",
		group: "Pictures from pictures",
		default: ({ given }: DefaultBasis) =>
			given.initImage ? ("crop" as const) : undefined,
		parameter: words("Resize mode", {
			crop: "Crop and resize",
			fit: "Resize and fill",
			stretch: "Just resize",
		}),
	},
	background: {
		...colour("#rrggbb"),
		...needsPicture,
		help: "colour behind a picture that is transparent (default: #ffffff)",
		group: "Pictures from pictures",
		default: ({ given }: DefaultBasis) =>
			given.initImage ? "#ffffff" : undefined,
		parameter: {
			key: "Background",
			write: (colour: string) => (colour === "#ffffff" ? undefined : colour),
		},
	},
	mask: {
		...picture("file"),
		...givenBesideTheRun,
		...needsPicture,
		help: "draw this part of the picture anew: white where it is, as large as the picture; the rest stays as it is",
		parameter: { key: "Mask", write: () => "given", read: () => null },
	},
	maskBlur: {
		...number("pixels", 0, 256),
		...needsMask,
		help: "blur of the mask's edge, which fades from the drawn part to the picture (default: 0)",
		group: "Pictures from pictures",
		default: ({ given }: DefaultBasis) => (given.mask ? 0 : undefined),
		parameter: { key: "Mask blur" },
	},
	maskedContent: {
		...choice("what", MASKED_CONTENTS),
		...needsMask,
		help: "what is under the mask at the beginning: the picture, noise, or the colours around; below strength 1 (default: original)",
		group: "Pictures from pictures",
		default: ({ given }: DefaultBasis) =>
			given.mask ? ("original" as const) : undefined,
		parameter: words("Masked content", {
			original: "original",
			noise: "latent noise",
			fill: "fill",
		}),
	},
	onlyMasked: {
		...flag(),
		...needsMask,
		help: "draw the masked part alone at the whole size, and put it back into the picture, which keeps its own",
		group: "Pictures from pictures",
		default: ({ given }: DefaultBasis) => (given.mask ? false : undefined),
		parameter: {
			key: "Inpaint area",
			write: (only: boolean) => (only ? "Only masked" : "Whole picture"),
			read: (name: string) =>
				({ "Only masked": true, "Whole picture": false })[name],
		},
	},
	maskPadding: {
		...whole("pixels", 0, 4096),
		...needsMask,
		help: "pixels around the masked part that are seen with it, where it is drawn alone (default: 32)",
		group: "Pictures from pictures",
		default: ({ given }: DefaultBasis) => (given.mask ? 32 : undefined),
		parameter: {
			key: "Masked area padding",
			write: (
				padding: number,
				{ onlyMasked }: Readonly<Record<string, unknown>>,
			) => (onlyMasked ? String(padding) : undefined),
		},
	},
	hires: {
		...number("factor", 1, 8),
		parse: (word: string) =>
			/^(\d{1,2}(\.\d{1,6})?|\.\d{1,6})x?$/.test(word.trim())
				? Number.parseFloat(word)
				: undefined,
		help: "draw the picture, enlarge it by this factor, and draw on at the larger size: 2x",
		group: "Pictures from pictures",
		parameter: { key: "Hires upscale" },
	},
	hiresStrength: {
		...number("x", 0, 1),
		...needsHires,
		help: "share of the steps that is run at the larger size (default: 0.5; 0.7 where latents are enlarged)",
		group: "Pictures from pictures",
		default: ({ given }: DefaultBasis) =>
			given.hires === undefined
				? undefined
				: given.hiresUpscaler === "latent"
					? 0.7
					: 0.5,
		parameter: {
			key: "Denoising strength",
			read: (word: string, all: ReadonlyMap<string, string>) =>
				!isHires(all)
					? null
					: all.has("Hires upscale")
						? Number(word)
						: undefined,
		},
	},
	hiresUpscaler: {
		...choice("name", HIRES_UPSCALERS),
		...needsHires,
		help: "what is enlarged: the decoded picture, by Lanczos, or its latents, which is quicker and blurred below a strength of 0.6 (default: lanczos)",
		group: "Pictures from pictures",
		default: ({ given }: DefaultBasis) =>
			given.hires === undefined ? undefined : ("lanczos" as const),
		parameter: {
			key: "Hires upscaler",
			write: (name: "lanczos" | "latent") =>
				({ lanczos: "Lanczos", latent: "Latent" })[name],
			read: (name: string, all: ReadonlyMap<string, string>) =>
				all.has("Hires upscale")
					? { Lanczos: "lanczos", Latent: "latent" }[name]
					: undefined,
		},
	},
} as const satisfies Record<string, OptionEntry>;

/** Their names: for commands that study runs from noise. */
export const PICTURE_OPTION_NAMES = Object.keys(
	PICTURE_OPTIONS,
) as (keyof typeof PICTURE_OPTIONS)[];

function isHires(all: ReadonlyMap<string, string>): boolean {
	return [...all.keys()].some((key) => HIRES.test(key));
}

/**
 * The size that a run is drawn at which was told none, or one side only: the model's own; with a picture the picture's, cut to whole
 * latents, or where that is far from what the model was trained at, that many pixels in the picture's shape.
 */
export function defaultSide(
	side: "width" | "height",
	{ model, given }: Pick<DefaultBasis, "model" | "given">,
): number {
	const { initImage, onlyMasked } = given;
	if (!initImage || onlyMasked) return model[side];
	const { factor } = model;
	const other = side === "width" ? "height" : "width";
	const whole = (pixels: number, round: (value: number) => number) =>
		Math.min(
			8192 - (8192 % factor),
			Math.max(factor, round(pixels / factor) * factor),
		);
	const told = given[other];
	if (told !== undefined)
		return whole((told * initImage[side]) / initImage[other], Math.round);
	const share =
		(initImage.width * initImage.height) / (model.width * model.height);
	return share <= NEAR_TRAINED && share >= 1 / NEAR_TRAINED
		? whole(initImage[side], Math.floor)
		: whole(initImage[side] / Math.sqrt(share), Math.round);
}
