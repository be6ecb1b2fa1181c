import { describe, expect, it } from "vitest";
import {
	type ModelFiles,
	modelFiles,
} from "../../../src/weights/folder/modelFiles.js";
import { requireKind } from "../../../src/weights/folder/modelKind.js";

function model(
	unetChannels: number,
	{ unet = {}, vae = {}, scheduler = {}, weights = true } = {},
): ModelFiles {
	const shape = [8, unetChannels, 3, 3];
	const entry = { name: "", dtype: "F32", file: "f", offset: 0, length: 0 };
	const network = (config: object, tensors = new Map()) => ({
		config,
		weights: { label: "DIR", files: new Map(), tensors },
	});
	return {
		hash: "0123456789",
		...modelFiles({
			label: "DIR",
			networks: {
				unet: weights
					? network(unet, new Map([["conv_in.weight", { ...entry, shape }]]))
					: network({ in_channels: unetChannels, ...unet }),
				vae: network(vae),
				text_encoder: network({}),
			},
			tokenizers: { tokenizer: { vocab: "", merges: "" } },
			scheduler: { config: scheduler },
		}),
	};
}

describe("a model's kind", () => {
	it.each([
		[4, "text-to-image"],
		[5, "depth-to-image"],
		[7, "upscaling"],
		[8, "instruct-pix2pix"],
		[9, "inpainting"],
		[12, "unknown"],
	])("%d channels into the UNet: %s", (channels, kind) => {
		expect(model(channels).kind).toBe(kind);
		expect(model(channels, { weights: false }).kind).toBe(kind);
		// A config of another model does not hide what the weights take.
		expect(model(channels, { unet: { in_channels: 4 } }).kind).toBe(kind);
	});
	it("goes by the latents that the VAE has", () => {
		expect(model(16, { vae: { latent_channels: 16 } }).kind).toBe(
			"text-to-image",
		);
		expect(model(33, { vae: { latent_channels: 16 } }).kind).toBe("inpainting");
	});
	it("unCLIP is told by its class embedding", () => {
		expect(model(4, { unet: { class_embed_type: "projection" } }).kind).toBe(
			"unclip",
		);
	});
	it("is named in one line where it cannot draw", () => {
		expect(() => requireKind(model(9), ["text-to-image"])).toThrow(
			/^DIR is an inpainting model \(.*\): its UNet takes 9 channels, of which 4 are latents; .*\.x can draw here$/,
		);
		expect(() => requireKind(model(9), ["inpainting"])).not.toThrow();
	});
});

it("a model may have other networks and tokenizers than Stable Diffusion's", () => {
	const base = model(4);
	const { networks, tokenizers } = modelFiles({
		...base,
		networks: { ...base.networks, controlnet: base.networks.unet },
		tokenizers: { ...base.tokenizers, tokenizer_2: { tokenizerJson: "{}" } },
	});
	expect(networks.controlnet.weights).toBe(base.networks.unet.weights);
	expect(Object.keys(tokenizers)).toEqual(["tokenizer", "tokenizer_2"]);
});

describe("configs of old conversions are taken as diffusers takes them", () => {
	const sampleSize = (unet: object) =>
		(model(4, { unet }).networks.unet.config as { sample_size: unknown })
			.sample_size;
	it.each([
		["0.6.0", 32, 64],
		["0.8.1", 16, 64],
		["0.9.0", 32, 32],
		["0.10.2", 32, 32],
		["1.0.0", 32, 32],
		["0.6.0", 96, 96],
		[undefined, 32, 32],
	])("diffusers %s, sample_size %d: %d", (version, size, expected) => {
		expect(sampleSize({ _diffusers_version: version, sample_size: size })).toBe(
			expected,
		);
	});
	it.each([
		[
			{ _class_name: "PNDMScheduler", steps_offset: 0 },
			{ _class_name: "PNDMScheduler", steps_offset: 1 },
		],
		[
			{ _class_name: "DDIMScheduler", steps_offset: 1 },
			{ _class_name: "DDIMScheduler", steps_offset: 1, clip_sample: false },
		],
		[
			{ _class_name: "DPMSolverSinglestepScheduler" },
			{ _class_name: "DPMSolverSinglestepScheduler" },
		],
	])("scheduler %j", (config, expected) => {
		expect(model(4, { scheduler: config }).scheduler.config).toEqual(expected);
	});
});
