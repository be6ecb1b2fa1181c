import { expect, test } from "vitest";
import { guidedUnet } from "../../src/propagation/guidedUnet.js";
import type { UnetRunner } from "../../src/propagation/unetRunner.js";
import type { Tensor } from "../../src/tensor/tensor.js";

const row = (...data: number[]): Tensor => ({
	dims: [1, data.length],
	data: Float32Array.from(data),
});
const text = (value: number): Tensor => ({
	dims: [1, 2, 1],
	data: Float32Array.of(value, value),
});
const input: Tensor = { dims: [1, 1, 1, 1], data: Float32Array.of(7) };

/** A UNet that says what it is given. */
function recorder() {
	const calls: {
		inputs: Record<string, number[]>;
		indices: readonly number[];
	}[] = [];
	const unet: UnetRunner = {
		skipCount: 1,
		async run(_, inputs, { indices }) {
			calls.push({
				inputs: Object.fromEntries(
					Object.entries(inputs).map(([name, { data }]) => [name, [...data]]),
				),
				indices,
			});
			return {};
		},
		flops: () => 0,
	};
	return { unet, calls };
}

test("every named condition goes in, unconditional rows first, again for each evaluation of a batch", async () => {
	const { unet, calls } = recorder();
	const network = guidedUnet({
		unet,
		sampler: { timesteps: [900, 500, 500] },
		conditioning: {
			positive: { encoder_hidden_states: text(1), text_embeds: row(3, 4) },
			negative: { encoder_hidden_states: text(2), text_embeds: row(5, 6) },
			guidanceScale: 5,
		},
	});
	await network.run({ encoder: "full", decoder: "none" }, [0], input);
	await network.run({ encoder: "none", decoder: "full" }, [1, 2], input);
	expect(calls).toEqual([
		{
			inputs: {
				sample: [7, 7],
				timestep: [900, 900],
				encoder_hidden_states: [2, 2, 1, 1],
				text_embeds: [5, 6, 3, 4],
			},
			indices: [0, 0],
		},
		{
			inputs: {
				timestep: [500, 500, 500, 500],
				encoder_hidden_states: [2, 2, 1, 1, 2, 2, 1, 1],
				text_embeds: [5, 6, 3, 4, 5, 6, 3, 4],
			},
			// the timestep alone would not tell the two evaluations apart
			indices: [1, 1, 2, 2],
		},
	]);
});

test("conditions without text will do, and both halves must have the same", async () => {
	const { unet, calls } = recorder();
	const options = { unet, sampler: { timesteps: [10] } };
	const labels = { class_labels: row(3) };
	const network = guidedUnet({
		...options,
		conditioning: { positive: labels, guidanceScale: 1 },
	});
	await network.run({ encoder: "full", decoder: "full" }, [0], input);
	expect(calls[0].inputs).toEqual({
		sample: [7],
		timestep: [10],
		class_labels: [3],
	});
	expect(() =>
		guidedUnet({
			...options,
			conditioning: { positive: labels, negative: {}, guidanceScale: 2 },
		}),
	).toThrow("the negative conditioning has no class_labels");
});
