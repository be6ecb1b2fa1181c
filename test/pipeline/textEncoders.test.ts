import { afterAll, beforeAll, expect, test } from "vitest";
import { type Networks, openNetworks } from "../../src/pipeline/networks.js";
import { onnxRuntime } from "../../src/runtime/onnxruntime/nodeOnnxRuntime.js";
import { openModel } from "../../src/weights/nodeOpenModel.js";
import { tinySd, tinySd2 } from "./tinyModels.js";

// A model with two text encoders, as SDXL has: that of the tiny 1.x model and that of the tiny 2.x model.
let single: Networks;
let second: Networks;
let both: Networks;
beforeAll(async () => {
	const [first, other] = await Promise.all([
		openModel(tinySd),
		openModel(tinySd2),
	]);
	const options = { threads: 1 };
	single = openNetworks(first, onnxRuntime, options);
	second = openNetworks(other, onnxRuntime, options);
	both = openNetworks(
		{
			...first,
			networks: {
				...first.networks,
				text_encoder_2: other.networks.text_encoder,
			},
		},
		onnxRuntime,
		options,
	);
});
afterAll(() =>
	Promise.all([single, second, both].map((networks) => networks.release())),
);

const ids = [Array.from({ length: 77 }, (_, n) => (n * 7) % 590)];

test("text encoders are run by their names, each with its own config and weights", async () => {
	const run = both.run();
	expect(await run.encodeText(ids)).toEqual(await single.run().encodeText(ids));
	const wanted = { clipSkip: 1, pooled: true };
	const named = await run.encodeText(ids, {
		network: "text_encoder_2",
		...wanted,
	});
	expect(named).toEqual(await second.run().encodeText(ids, wanted));
	const { features } = both.textConfigs.text_encoder_2;
	expect(named.hidden_states.dims).toEqual([1, 77, features]);
	expect(named.pooled.dims).toEqual([1, features]);
	expect(named.hidden_states).not.toEqual(
		(await run.encodeText(ids, wanted)).hidden_states,
	);
});
