import type { ImageCost } from "../../src/pipeline/generatedImage.js";
import type { StateWord } from "./timeline/stepCosts.js";

/**
 * Where the page's pictures come from. `httpSource.ts` asks the server that the page came from; another source may draw in the page itself
 * (a worker with the library in it). The page knows nothing else of where it runs.
 *
 * To write another one:
 * - Everything that crosses it is plain data (it can be posted to a worker), but for the PNG of a finished picture, which is a Blob.
 * - Options go by the names of the library's options table; `undefined` is never in them. Pictures among them (`initImage`, `mask`) are
 *   `data:` URLs of PNG, JPEG or WebP files.
 * - Whatever is refused is thrown as a `SourceError`, with the option's name where one is wrong.
 * - `submit` returns at once. Its events may be iterated once, are told in order and end with `done`, `failed` or `cancelled`: they
 *   do not throw. Runs are drawn one after another, in the order in which they were submitted; one that waits tells `queued`.
 */
export interface PictureSource {
	/** What can be asked for. Asked once, when the page opens. Throws a SourceError of code "unauthorized" where a key is needed. */
	capabilities(): Promise<Capabilities>;
	/** What a run would be, without drawing. The prompt may be missing. */
	outline(options: PictureOptions, signal?: AbortSignal): Promise<RunOutline>;
	/** Draws. */
	submit(options: PictureOptions, extra?: SubmitExtra): PictureRun;
	/** The settings that a picture's file carries. */
	parameters(file: Blob): Promise<PictureParameters>;
	/** Sources that ask for a key take it here; `capabilities` is asked again then. */
	useKey?(key: string): void;
}

/** Options of a run by their names in the library's table, and `model` where there are several. */
export type PictureOptions = Readonly<Record<string, unknown>>;

export interface SubmitExtra {
	/** What a step predicts is told at every so many steps; 0 or absent: never. */
	readonly previewEvery?: number;
}

export interface PictureRun {
	readonly events: AsyncIterable<RunEvent>;
	/** Stops it before its next network call; resolves once it is stopped or has ended otherwise. Never throws. */
	cancel(): Promise<void>;
}

/** What is told of a run: the events of the server's native API. */
export type RunEvent =
	/** Runs in front of it. */
	| { readonly type: "queued"; readonly position: number }
	| {
			readonly type: "started";
			readonly images: number;
			readonly steps: number;
	  }
	| {
			readonly type: "loading";
			readonly network: string;
			readonly seconds?: number;
	  }
	| {
			readonly type: "warning";
			readonly code: string;
			readonly message: string;
	  }
	| StepTaken
	| { readonly type: "image"; readonly picture: FinishedPicture }
	| { readonly type: "done"; readonly seconds: number }
	| { readonly type: "failed"; readonly error: SourceError }
	| { readonly type: "cancelled" };

export interface StepTaken {
	readonly type: "step";
	/** The image, or the first of the batch, that took the step. */
	readonly image: number;
	/** 1-based. */
	readonly step: number;
	readonly steps: number;
	/** What ran: `full`, `decoder`, `outer:3`, `nothing:1`. */
	readonly state: StateWord;
	readonly seconds: number;
	/** What the step predicts, as an address that an `<img>` takes (a `data:` URL). */
	readonly preview?: string;
}

export interface FinishedPicture {
	readonly index: number;
	/** A number where that is exact, else its decimal digits. */
	readonly seed: number | string;
	readonly width: number;
	readonly height: number;
	/** The file, with its settings inside. */
	readonly png: Blob;
	/** A1111's text of the settings. */
	readonly parameters: string;
	/** The options that draw it again, alone; without its pictures. */
	readonly options: PictureOptions;
	readonly cost: ImageCost;
	readonly model: { readonly label: string; readonly hash: string };
}

export interface Capabilities {
	/** The first is drawn with where none is named. */
	readonly models: readonly ModelNote[];
	/** In the order in which a form shows them. */
	readonly options: readonly OptionNote[];
	/** JSON schemas of the options by name. */
	readonly schema: {
		readonly properties: Readonly<Record<string, OptionSchema>>;
	};
	readonly limits: {
		readonly pixels: number;
		readonly steps: number;
		readonly images: number;
	};
}

export interface ModelNote {
	readonly name: string;
	readonly hash: string;
	/** How many control nets are beside it. */
	readonly controlNets: number;
	/** Options with this model's defaults filled in, without prompt and seed. */
	readonly defaults: PictureOptions;
}

/** What a form needs of an option, beside its schema. */
export interface OptionNote {
	readonly name: string;
	readonly group: string;
	readonly help: string;
	readonly expected: string;
	/** How its value is called; a flag without a value has none. */
	readonly metavar?: string;
	readonly choices?: readonly string[];
	readonly required?: boolean;
	/** Another option that it does nothing without. */
	readonly needs?: string;
	readonly picture?: boolean;
}

/** As much of a JSON schema as the form reads. */
export interface OptionSchema {
	readonly type?: string;
	readonly minimum?: number;
	readonly maximum?: number;
	readonly enum?: readonly string[];
	readonly description?: string;
	readonly anyOf?: readonly OptionSchema[];
}

export interface RunOutline {
	/** Every default filled in; without pictures. */
	readonly options: PictureOptions;
	/** The first evaluation that is run: later than 0 where it begins with a picture. */
	readonly start: number;
	/** Network evaluations of one image. */
	readonly evaluations: number;
	/** What runs at each step of the plan. */
	readonly states: readonly StateWord[];
	readonly timesteps: readonly number[];
	/** Floating-point operations of a step by what runs: of the states that the plan has, and of those that can be chosen. */
	readonly costs: Readonly<Record<StateWord, number>>;
	/** Plans that were tuned for this model, sampler, steps and guidance. */
	readonly tunedPlans?: readonly TunedPlan[];
	readonly warnings: readonly {
		readonly code: string;
		readonly message: string;
	}[];
}

/** As the library's `TunedPlan`. */
export interface TunedPlan {
	/** Its quality, how many of its steps call the network, and in place of how many. */
	readonly label: string;
	/** The options that take it. */
	readonly options: PictureOptions;
	readonly states: readonly StateWord[];
	/** Steps of the plain run that it takes the place of. */
	readonly standsFor: number;
}

export interface PictureParameters {
	readonly text: string;
	readonly options: PictureOptions;
	readonly model?: string;
	readonly modelHash?: string;
	readonly warnings: readonly {
		readonly code: string;
		readonly message: string;
	}[];
}

/** What a source refuses, or fails at. */
export class SourceError extends Error {
	override readonly name = "SourceError";
	constructor(
		message: string,
		/** Stable: "invalid_option", "unauthorized", "queue_full", "unreachable" … */
		readonly code: string,
		/** The option that is wrong. */
		readonly option?: string,
		/** Seconds after which it is worth trying again. */
		readonly retryAfter?: number,
	) {
		super(message);
	}
}
