import type { UnetPart } from "../models/unetPart.js";
import type { Features } from "../propagation/guidedUnet.js";
import type { UnetRunner } from "../propagation/unetRunner.js";
import type { Tensor } from "../tensor/tensor.js";

/** The encoder part and the decoder part that together compute what a part with both does. */
export function halvesOf({
	encoder,
	decoder,
	deepOutputs,
	...shared
}: UnetPart): readonly [encoder: UnetPart, decoder: UnetPart] {
	return [
		{ ...shared, encoder, decoder: "none" },
		{ ...shared, encoder: "none", decoder, deepOutputs },
	];
}

/**
 * Runs a part that has both halves as one after the other.
 * @param between what becomes of the features on their way
 * @returns the outputs of both
 */
export async function runHalves(
	unet: UnetRunner,
	[part, inputs, at]: Parameters<UnetRunner["run"]>,
	between: (features: Record<string, Tensor>) => Features = (own) => own,
): Promise<Record<string, Tensor>> {
	const [encoder, decoder] = halvesOf(part);
	const features = between(await unet.run(encoder, inputs, at));
	const outputs = await unet.run(decoder, { ...inputs, ...features }, at);
	return { ...features, ...outputs };
}

/**
 * A UNet whose halves run one after the other where the whole is asked for: of a large one that stays in memory, the whole would be a second
 * set of weights beside the halves that plans with key steps run. In float32 the predictions are the same to the bit.
 */
export function unetInHalves(unet: UnetRunner): UnetRunner {
	return {
		...unet,
		run(...call) {
			const [{ encoder, decoder, mergeTokens: _, ...more }] = call;
			return encoder === "full" &&
				decoder === "full" &&
				Object.keys(more).length === 0
				? runHalves(unet, call)
				: unet.run(...call);
		},
	};
}
