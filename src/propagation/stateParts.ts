import type { UnetDims, UnetPart } from "../models/unetPart.js";
import type { StepState } from "./stepState.js";
import type { UnetRunner } from "./unetRunner.js";

export const ENCODER_HALF: UnetPart = { encoder: "full", decoder: "none" };
export const DECODER_HALF: UnetPart = { encoder: "none", decoder: "full" };

/** Both halves in one graph: what plain sampling runs, where no features are kept. */
export const WHOLE_UNET: UnetPart = { encoder: "full", decoder: "full" };

/** The parts of the UNet that a step in `state` runs, in order. */
export function stateParts(state: StepState): readonly UnetPart[] {
	switch (state.run) {
		case "full":
			return [ENCODER_HALF, DECODER_HALF];
		case "decoder":
			return [DECODER_HALF];
		case "outer":
			return [
				{
					encoder: state.encoder === "fresh" ? state.layers : "none",
					decoder: state.layers,
				},
			];
		case "nothing":
			return [];
	}
}

/** Floating-point operations of a step in `state`. */
export function stateFlops(
	unet: Pick<UnetRunner, "flops">,
	state: StepState,
	dims: UnetDims,
): number {
	return stateParts(state).reduce(
		(sum, part) => sum + unet.flops(part, dims),
		0,
	);
}
