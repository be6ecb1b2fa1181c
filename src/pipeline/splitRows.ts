import type { UnetRunner } from "../propagation/unetRunner.js";
import { concat, rows, type Tensor } from "../tensor/tensor.js";

/** A UNet that runs batches of more than `most` samples in several runs, for devices whose memory holds no larger ones. */
export function splitRows(unet: UnetRunner, most: number): UnetRunner {
	return {
		...unet,
		async run(part, inputs, at) {
			const [batch] = inputs.timestep.dims;
			if (batch <= most) return unet.run(part, inputs, at);
			const parts: Record<string, Tensor>[] = [];
			for (let from = 0; from < batch; from += most) {
				const to = Math.min(batch, from + most);
				parts.push(
					await unet.run(
						part,
						Object.fromEntries(
							Object.entries(inputs).map(([name, value]) => [
								name,
								rows(value, from, to),
							]),
						),
						{ indices: at.indices.slice(from, to) },
					),
				);
			}
			return Object.fromEntries(
				Object.keys(parts[0]).map((name) => [
					name,
					concat(parts.map((own) => own[name])),
				]),
			);
		},
	};
}
