import type { UnetDims, UnetPart } from "../models/unetPart.js";
import type { Tensor } from "../tensor/tensor.js";

/** Where in a run a network call stands. */
export interface UnetRunPlace {
	/** Index of the evaluation, one for each row of the batch. */
	readonly indices: readonly number[];
}

/** The UNet in parts: what denoisers call. Sessions behind it are made when a part is first run. */
export interface UnetRunner {
	/** Number of skip features, S: `skip_0` (conv_in's output) to `skip_{S-1}`; there are as many up layers. */
	readonly skipCount: number;
	/**
	 * Runs one part on its inputs (see `UnetPart` for their names and shapes; inputs that it does not take are ignored).
	 * @param at which evaluation of the run each row of the batch belongs to
	 */
	run(
		part: UnetPart,
		inputs: Readonly<Record<string, Tensor>>,
		at: UnetRunPlace,
	): Promise<Record<string, Tensor>>;
	/** Floating-point operations (two a multiply-add) of one run of a part on these dimensions. */
	flops(part: UnetPart, dims: UnetDims): number;
}
