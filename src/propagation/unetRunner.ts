import type { UnetDims, UnetPart } from "../models/unetPart.js";
import type { Tensor } from "../tensor/tensor.js";

/** The UNet in parts: what denoisers call. Sessions behind it are made when a part is first run. */
export interface UnetRunner {
	/** Number of skip features, S: `skip_0` (conv_in's output) to `skip_{S-1}`; there are as many up layers. */
	readonly skipCount: number;
	/** Runs one part on its inputs (see `UnetPart` for their names and shapes). */
	run(
		part: UnetPart,
		inputs: Readonly<Record<string, Tensor>>,
	): Promise<Record<string, Tensor>>;
	/** Floating-point operations (two a multiply-add) of one run of a part on these dimensions. */
	flops(part: UnetPart, dims: UnetDims): number;
	/** Frees all sessions. The runner may be used again: they are made anew. */
	release(): Promise<void>;
}
