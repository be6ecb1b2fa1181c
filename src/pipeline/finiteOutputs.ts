import type { UnetPart } from "../models/unetPart.js";
import { assertFinite, notFiniteAt } from "../tensor/assertFinite.js";
import type { Tensor } from "../tensor/tensor.js";
import { firstNotFinite } from "../weights/formats/firstNotFinite.js";
import type { OpenWeightFile } from "../weights/formats/weightFile.js";
import type { Weights } from "../weights/formats/weights.js";

/** A network whose outputs are checked. */
export interface Suspect {
	readonly weights: Weights;
	/** Opens its weights, to tell which one is to blame. */
	readonly open?: OpenWeightFile;
}

/**
 * Checks an output of a network that was given finite inputs. Only where it is not finite are the weights read, to name the first of them
 * that is not.
 * @throws UserError with the code "not_finite"
 */
export async function assertFiniteOutput(
	name: string,
	output: Tensor,
	{ weights, open }: Suspect,
): Promise<void> {
	if (notFiniteAt(output.data) < 0) return;
	const damaged = await firstNotFinite(weights, open).catch(() => undefined);
	const { label, name: weight } = weights.tensors.get(damaged ?? "")
		?.origin ?? { label: weights.label, name: damaged };
	assertFinite(
		name,
		output,
		weight === undefined
			? `the weights of ${weights.label} are damaged, or too large for the precision it computes in`
			: `the weight ${weight} of ${label} is not finite: the file is damaged`,
	);
}

/**
 * Checks what a run of the UNet gave: the prediction each time; the features that it was given only where the prediction is wrong, since
 * they are a thousand times as many.
 * @throws UserError with the code "not_finite" that says which half it came from
 */
export async function assertFinitePrediction(
	part: UnetPart,
	inputs: Readonly<Record<string, Tensor>>,
	{ prediction }: Readonly<Record<string, Tensor>>,
	suspect: Suspect,
): Promise<void> {
	if (!prediction || notFiniteAt(prediction.data) < 0) return;
	const at = `at timestep ${inputs.timestep.data[0]}`;
	for (const [name, value] of Object.entries(inputs))
		await assertFiniteOutput(
			/^(skip_|mid$|deep$)/.test(name)
				? `the UNet's encoder half, ${name} ${at}`
				: `${name} ${at}`,
			value,
			suspect,
		);
	await assertFiniteOutput(
		`the UNet${part.encoder === "none" ? "'s decoder half" : ""}, prediction ${at}`,
		prediction,
		suspect,
	);
}
