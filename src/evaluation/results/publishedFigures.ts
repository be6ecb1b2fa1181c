/** A row of a published table. */
export interface PublishedFigure {
	readonly fid: number;
	/** 2.5 max(cos, 0), "A photo depicts". */
	readonly clipScore: number;
	/** Seconds an image, on the publisher's machine. */
	readonly seconds: number;
}

/** What the study that this project carries on measured: SD v1.5, COCO 2017 val, 5,000 images, a caption each. */
export const studyFigures: Readonly<Record<string, PublishedFigure>> = {
	"ddim-50": { fid: 25.2524, clipScore: 0.7798, seconds: 1.5189 },
	"ddim-50+paper": { fid: 25.0416, clipScore: 0.7808, seconds: 1.1081 },
	"dpm-solver-20": { fid: 26.9162, clipScore: 0.7781, seconds: 2.1566 },
	"dpm-solver-20+paper": { fid: 27.2168, clipScore: 0.779, seconds: 0.6856 },
	"dpm-solver++-20": { fid: 27.0645, clipScore: 0.7786, seconds: 0.6337 },
	"dpm-solver++-20+paper": { fid: 26.8469, clipScore: 0.7806, seconds: 0.4942 },
};

/** Faster Diffusion, table 1: SD v1.5, MS-COCO, 10K prompts, an A40. */
export const paperFigures: Readonly<Record<string, PublishedFigure>> = {
	"ddim-50": { fid: 21.75, clipScore: 0.773, seconds: 2.42 },
	"ddim-50+paper": { fid: 21.08, clipScore: 0.783, seconds: 1.42 },
	"dpm-solver-20": { fid: 21.36, clipScore: 0.78, seconds: 1.14 },
	"dpm-solver-20+paper": { fid: 21.25, clipScore: 0.779, seconds: 0.64 },
	"dpm-solver++-20": { fid: 20.51, clipScore: 0.782, seconds: 1.13 },
	"dpm-solver++-20+paper": { fid: 20.76, clipScore: 0.781, seconds: 0.64 },
};
