import { join } from "node:path";
import { expect, test } from "vitest";
import { partAlone } from "../../../src/weights/folder/partAlone.js";
import { openModel } from "../../../src/weights/nodeOpenModel.js";

test.each([
	["pytorch_lora_weights.safetensors", "a LoRA"],
	["learned_embeds.bin", "a textual inversion"],
	["adapter_config.json", "an adapter of PEFT's"],
])("%s tells that it is %s", (path, what) => {
	expect(partAlone(new Set(["README.md", path]))).toBe(what);
});

test("a folder of one network is no model, and says so", async () => {
	for (const name of ["tiny-control", "tiny-taesd"])
		await expect(
			openModel(join(import.meta.dirname, "../../models", name)),
		).rejects.toThrow(
			new RegExp(
				`${name} is one network alone \\(a control net, an autoencoder, a UNet\\), not a whole model`,
			),
		);
	expect(partAlone(new Set(["config.json", "model.ckpt"]))).toBeUndefined();
});
