import { join } from "node:path";
import { expect, test } from "vitest";
import { autoencoder } from "../../src/models/autoencoder.js";
import { parseTinyConfig } from "../../src/models/tinyAutoencoder.js";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import { createPipeline } from "../../src/pipeline/pipeline.js";
import { onnxRuntime } from "../../src/runtime/onnxruntime/nodeOnnxRuntime.js";
import { openModel } from "../../src/weights/nodeOpenModel.js";
import { autoencoderPart } from "../../src/weights/parts/autoencoderPart.js";
import { openNodePart } from "../../src/weights/parts/nodeOpenPart.js";
import { readGolden, relativeError } from "../goldenFile.js";
import { runGraph } from "./networkTest.js";

const models = import.meta.dirname;
const folder = join(models, "tiny-taesd");
const golden = readGolden("tiny_autoencoder");
const of = (name: string) => {
	const { dims, data } = golden.get(name)!;
	return { dims, data: Float32Array.from(data) };
};
const dims = { batch: 1, height: 8, width: 8 };
const opened = async (path: string) => {
	const { config, weights } = autoencoderPart(await openNodePart(path));
	return { weights, ...autoencoder(config, weights) };
};

/** golden by test/reference/tiny_autoencoder.py */
test("a tiny autoencoder decodes and encodes as diffusers' AutoencoderTiny", async () => {
	const vae = await opened(folder);
	const { image } = await runGraph(vae.decoder(dims), {
		latents: of("latents"),
	});
	expect(image.dims).toEqual(of("decoded").dims);
	expect(relativeError(image.data, of("decoded").data)).toBeLessThan(1e-5);
	const { mean } = await runGraph(vae.encoder(dims), { image: of("image") });
	expect(mean.dims).toEqual(of("encoded").dims);
	expect(relativeError(mean.data, of("encoded").data)).toBeLessThan(1e-5);
	const used = [vae.decoder(dims), vae.encoder(dims)].flatMap(({ tensors }) => [
		...tensors.keys(),
	]);
	expect(used.toSorted()).toEqual([...vae.weights.tensors.keys()].toSorted());
});

test("TAESD's own file of the decoder gives the same picture; its config is told from its shapes", async () => {
	const vae = await opened(join(folder, "decoder.safetensors"));
	const { image } = await runGraph(vae.decoder(dims), {
		latents: of("latents"),
	});
	expect(relativeError(image.data, of("decoded").data)).toBeLessThan(1e-5);
	expect(vae.config).toMatchObject({ latentChannels: 4, factor: 8 });
});

test("runs are decoded by the autoencoder that was given", async () => {
	const tinySd = join(models, "tiny-sd");
	const run = {
		prompt: "a red apple",
		steps: 2,
		seed: 1,
		width: 64,
		height: 64,
	};
	const images = await Promise.all(
		[
			undefined,
			folder,
			join(folder, "decoder.safetensors"),
			join(models, "tiny-sd2"),
		].map(async (vae) => {
			const pipeline = await loadPipeline(tinySd, { vae, threads: 1 });
			const [result] = await pipeline.generate(run);
			await pipeline.release();
			return result;
		}),
	);
	const [own, tiny, single, other] = images;
	for (const { latents } of images)
		expect(latents.data).toEqual(own.latents.data);
	expect(tiny.image.data).toEqual(single.image.data);
	expect(tiny.image.data).not.toEqual(own.image.data);
	expect(other.image.data).not.toEqual(own.image.data);
	expect(other.image.width).toBe(64);
});

test("a picture can be begun with, and encoded by it", async () => {
	const pipeline = await loadPipeline(join(models, "tiny-sd"), {
		vae: folder,
		threads: 1,
	});
	const data = new Uint8Array(3 * 64 * 64).fill(90);
	const [result] = await pipeline.generate({
		prompt: "a red apple",
		steps: 4,
		width: 64,
		height: 64,
		initImage: { width: 64, height: 64, data },
	});
	expect(result.image.width).toBe(64);
	await pipeline.release();
});

test("TAESD's decoder alone draws, and refuses pictures before anything runs", async () => {
	const pipeline = await loadPipeline(join(models, "tiny-sd"), {
		threads: 1,
		vae: join(folder, "decoder.safetensors"),
	});
	const picture = { width: 8, height: 8, data: new Uint8Array(192) };
	const run = { prompt: "a", width: 64, height: 64 };
	const settings = (more: object) => () =>
		pipeline.settings({ ...run, ...more });
	expect(settings({ initImage: picture })).toThrow(/^initImage: .*no encoder/);
	expect(settings({ hires: 2 })).toThrow(/^hires: .*no encoder/);
	expect(settings({ hires: 2, hiresUpscaler: "latent" })).not.toThrow();
	await pipeline.release();
});

test("a decoder whose weights are not there is said when the model is opened, not after the last step", async () => {
	const files = await openModel(join(models, "tiny-sd"));
	const { vae } = files.networks;
	const tensors = new Map(vae.weights.tensors);
	tensors.delete("decoder.conv_out.weight");
	const weights = { ...vae.weights, tensors };
	const networks = { ...files.networks, vae: { ...vae, weights } };
	expect(() => createPipeline({ ...files, networks }, onnxRuntime)).toThrow(
		/tensor decoder\.conv_out\.weight is missing/,
	);
});

test("what is no autoencoder for the model is one line that names the option", async () => {
	const load = (vae: string) =>
		loadPipeline(join(models, "tiny-sd"), { threads: 1, vae });
	await expect(load(join(models, "tiny-control"))).rejects.toThrow(
		/^vae: .*_class_name is "ControlNetModel"/,
	);
	await expect(
		load(join(models, "tiny-control.single.safetensors")),
	).rejects.toThrow(/^vae: .* is no autoencoder .*: it is a ControlNet/);
	await expect(load("none/such/none.safetensors")).rejects.toThrow(/^vae: /);
	expect(() =>
		parseTinyConfig({ _class_name: "AutoencoderTiny", act_fn: "gelu" }),
	).toThrow(/act_fn is "gelu"/);
	expect(() =>
		parseTinyConfig({
			_class_name: "AutoencoderTiny",
			num_decoder_blocks: [1],
		}),
	).toThrow(/num_decoder_blocks 1/);
});
