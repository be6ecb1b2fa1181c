import type { UnetDims, UnetPart } from "../models/unetPart.js";
import type { StepState } from "./stepState.js";
import type { UnetRunner } from "./unetRunner.js";

export const ENCODER_HALF: UnetPart = { encoder: "full", decoder: "none" };
export const DECODER_HALF: UnetPart = { encoder: "none", decoder: "full" };

/** Both halves. In one graph it is what plain sampling runs, where no features are kept. */
export const WHOLE_UNET: UnetPart = { encoder: "full", decoder: "full" };

/** The part of the UNet that a step in `state` runs, in one graph or in several; undefined where it runs none. */
export function statePart(state: StepState): UnetPart | undefined {
	switch (state.run) {
		case "full":
			return WHOLE_UNET;
		case "decoder":
			return DECODER_HALF;
		case "outer":
			return outerPart(state);
		case "nothing":
			return undefined;
	}
}

/** The part that an outer step runs. */
export function outerPart({
	encoder,
	layers,
}: StepState & { run: "outer" }): UnetPart {
	return { encoder: encoder === "fresh" ? layers : "none", decoder: layers };
}

/** Floating-point operations of a step in `state`. */
export function stateFlops(
	unet: Pick<UnetRunner, "flops">,
	state: StepState,
	dims: UnetDims,
): number {
	const part = statePart(state);
	return part ? unet.flops(part, dims) : 0;
}
