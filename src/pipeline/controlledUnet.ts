import type { Features } from "../propagation/guidedUnet.js";
import type { UnetRunner } from "../propagation/unetRunner.js";
import type { Tensor } from "../tensor/tensor.js";
import { runHalves } from "./unetInHalves.js";

/** A control net in a run. */
export interface Control {
	/** Runs it like a UNet: features of the same names, to be added. */
	readonly net: UnetRunner;
	/** What its features are multiplied with. */
	readonly scale: number;
	/** Whether it acts at an evaluation of the run. */
	readonly acts: (index: number) => boolean;
}

/**
 * A UNet whose encoder half is steered by control nets. They run whenever the whole encoder half runs: at every step of plain sampling, at key
 * steps alone of encoder propagation, whose kept features are the steered ones (as Faster Diffusion's section 4.3 does it). Steps that run a few
 * outer layers anew (DeepCache) reuse what the control nets gave last.
 */
export function controlledUnet(
	unet: UnetRunner,
	controls: readonly Control[],
): UnetRunner {
	if (controls.length === 0) return unet;
	/** By how many rows the features have: halves of guidance may be run apart. */
	const kept = new Map<number, Features>();

	async function steering(
		...[, inputs, at]: Parameters<UnetRunner["run"]>
	): Promise<Features> {
		let sum: Record<string, Tensor> = {};
		for (const { net, scale, acts } of controls) {
			// the rows of a run with an encoder belong to one evaluation
			if (scale === 0 || !acts(at.indices[0])) continue;
			const given = await net.run(
				{ encoder: "full", decoder: "none" },
				inputs,
				at,
			);
			sum = Object.fromEntries(
				Object.entries(given).map(([name, own]) => [
					name,
					plus(sum[name], own, scale),
				]),
			);
		}
		kept.set(at.indices.length, sum);
		return sum;
	}

	return {
		...unet,
		async run(part, inputs, at) {
			if (part.encoder === "none") return unet.run(part, inputs, at);
			const more =
				part.encoder === "full"
					? await steering(part, inputs, at)
					: (kept.get(at.indices.length) ?? {});
			// a whole UNet runs in halves even where no control net acts: there are the halves already
			const steers = part.encoder === "full" || Object.keys(more).length > 0;
			if (part.decoder === "none" || !steers)
				return steered(await unet.run(part, inputs, at), more);
			return runHalves(unet, [part, inputs, at], (features) =>
				steered(features, more),
			);
		},
	};
}

function steered(
	outputs: Readonly<Record<string, Tensor>>,
	more: Features,
): Record<string, Tensor> {
	return Object.fromEntries(
		Object.entries(outputs).map(([name, own]) => [
			name,
			more[name] ? plus(own, more[name], 1) : own,
		]),
	);
}

/** a + scale · b. */
function plus(a: Tensor | undefined, b: Tensor, scale: number): Tensor {
	return {
		dims: b.dims,
		data: a
			? a.data.map((value, i) => value + scale * b.data[i])
			: b.data.map((value) => scale * value),
	};
}
