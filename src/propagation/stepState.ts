import { OptionError } from "../errors/optionError.js";

/**
 * What one evaluation of the network costs and sees:
 * - `full`: encoder half and decoder half on x_t; keeps the encoder features (a key step).
 * - `decoder`: the decoder half on the kept encoder features, with the step's own time embedding (Faster Diffusion's
 *   non-key step). It does not see x_t.
 * - `outer`: the `layers` outermost up layers on the kept deep feature; the skip features that they read come from a
 *   `fresh` run of the shallow encoder on x_t (DeepCache) or are the `kept` ones (no x_t).
 * - `nothing`: no network; the prediction is the kept one, or extrapolated from earlier ones by a polynomial of `order`. With `of`
 *   "denoised" not predictions are extrapolated but the estimates of the clean latents x_0 of the steps that saw their latents, and the
 *   prediction is the one that leads from x_t there: what a multistep solver of x_0 (DPM-Solver++) does inside one longer step.
 */
export type StepState =
	| { readonly run: "full" }
	| { readonly run: "decoder" }
	| {
			readonly run: "outer";
			readonly layers: number;
			readonly encoder: "fresh" | "kept";
	  }
	| {
			readonly run: "nothing";
			readonly order: 0 | 1 | 2;
			readonly of?: "denoised";
	  };

export const FULL: StepState = { run: "full" };
export const DECODER: StepState = { run: "decoder" };

/** Whether a step in this state reads the latents of its own time (and so must wait for the steps before it). */
export function seesLatents(state: StepState): boolean {
	switch (state.run) {
		case "full":
			return true;
		case "decoder":
			return false;
		case "outer":
			return state.encoder === "fresh";
		case "nothing":
			return state.of === "denoised";
	}
}

/** Whether a step in this state runs on encoder features of an earlier one: encoder propagation. */
export function reusesEncoder(state: StepState): boolean {
	return (
		state.run === "decoder" ||
		(state.run === "outer" && state.encoder === "kept")
	);
}

/** The word that plans write for a state: `full`, `decoder`, `outer:3`, `outer:3:kept`, `nothing:1`, `nothing:1:denoised`. */
export function stepStateWord(state: StepState): string {
	switch (state.run) {
		case "full":
		case "decoder":
			return state.run;
		case "outer":
			return `outer:${state.layers}${state.encoder === "kept" ? ":kept" : ""}`;
		case "nothing":
			return `nothing:${state.order}${state.of ? `:${state.of}` : ""}`;
	}
}

/**
 * Reads the word of a state.
 * @param where it was found, for the error
 * @throws OptionError when `word` is none
 */
export function parseStepState(word: string, where?: string): StepState {
	if (word === "full") return FULL;
	if (word === "decoder") return DECODER;
	const outer = /^outer:([1-9]\d{0,2})(:kept)?$/.exec(word);
	if (outer)
		return {
			run: "outer",
			layers: Number(outer[1]),
			encoder: outer[2] ? "kept" : "fresh",
		};
	const nothing = /^nothing:([012])(:denoised)?$/.exec(word);
	if (nothing)
		return {
			run: "nothing",
			order: Number(nothing[1]) as 0 | 1 | 2,
			...(nothing[2] ? { of: "denoised" } : {}),
		};
	throw new OptionError(
		"keySteps",
		`${where ? `${where}: ` : ""}"${word.slice(0, 40)}" is no step state; use full, decoder, outer:N, outer:N:kept, nothing:0|1|2 or nothing:0|1|2:denoised`,
	);
}
