import type { UnetRunner } from "../propagation/unetRunner.js";

/**
 * A UNet whose halves run one after the other where the whole is asked for: of a large one that stays in memory, the whole would be a second
 * set of weights beside the halves that plans with key steps run. In float32 the predictions are the same to the bit.
 */
export function unetInHalves(unet: UnetRunner): UnetRunner {
	return {
		...unet,
		async run(part, inputs, at) {
			const { encoder, decoder, mergeTokens, ...outputs } = part;
			if (
				encoder !== "full" ||
				decoder !== "full" ||
				Object.keys(outputs).length > 0
			)
				return unet.run(part, inputs, at);
			const shared = mergeTokens === undefined ? {} : { mergeTokens };
			const features = await unet.run(
				{ encoder, decoder: "none", ...shared },
				inputs,
				at,
			);
			return unet.run(
				{ encoder: "none", decoder, ...shared },
				{ ...inputs, ...features },
				at,
			);
		},
	};
}
