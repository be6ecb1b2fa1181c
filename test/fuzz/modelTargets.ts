import { parseClipPreprocessing } from "../../src/metrics/clipPreprocessing.js";
import { createPipeline } from "../../src/pipeline/pipeline.js";
import { onnxRuntime } from "../../src/runtime/onnxruntime/nodeOnnxRuntime.js";
import { embeddingsOf } from "../../src/weights/adapters/embedding.js";
import { openSingleFile } from "../../src/weights/checkpoint/singleFile.js";
import { openDiffusersFolder } from "../../src/weights/folder/diffusersFolder.js";
import { modelFolderOf } from "../../src/weights/formats/modelFolder.js";
import { readTorchArchive } from "../../src/weights/formats/nodeTorchArchive.js";
import { memoryFile } from "../../src/weights/formats/weightFile.js";
import {
	neededFiles,
	parseHubListing,
} from "../../src/weights/hub/hubFiles.js";
import { jsonText, mutatedBytes, mutatedJson } from "./mutate.js";
import type { Random } from "./random.js";
import {
	bytesOf,
	headerOf,
	jsonOf,
	promise,
	target,
	tinyFiles,
	withHeader,
} from "./target.js";
import { type Header, mutatedTensors } from "./weightTargets.js";

/** As wide as the published models' least, so that configs can be told from the shapes. */
const WIDER = 8;

/** A header of tensors one after another, and the size of the file that it would be of. */
function laidOut(tensors: Header, metadata: unknown) {
	const header: Record<string, unknown> = { __metadata__: metadata };
	let end = 0;
	for (const [name, { dtype, shape }] of Object.entries(tensors)) {
		if (name === "__metadata__") continue;
		const begin = end;
		const bytes = { F64: 8, I32: 4, U32: 4, F16: 2 }[dtype] ?? 1;
		end += shape.reduce((product, side) => product * side, bytes);
		header[name] = { dtype, shape, data_offsets: [begin, end] };
	}
	const bytes = withHeader(JSON.stringify(header), new Uint8Array(0));
	return { bytes, size: bytes.length + end };
}

/** The tensors of a single file, of which the data are left away. */
function widened(file: Buffer): Header {
	return Object.fromEntries(
		Object.entries(headerOf(file).header)
			.filter(([name]) => name !== "__metadata__")
			.map(([name, { shape }]) => [
				name,
				{
					dtype: "F16",
					shape: shape.map((side) => (side < WIDER ? side : side * WIDER)),
				},
			]),
	);
}

const said = {
	...{ "modelspec.prediction_type": "v", ss_v_parameterization: "True" },
	ss_zero_terminal_snr: "False",
};

const paths = [
	...["model_index.json", "scheduler/scheduler_config.json", "vocab.json"],
	...["merges.txt", "tokenizer/vocab.json", "tokenizer/merges.txt"],
	...["unet/config.json", "vae/config.json", "text_encoder/config.json"],
	...["", ".fp16"].flatMap((variant) => [
		`unet/diffusion_pytorch_model${variant}.safetensors`,
		`vae/diffusion_pytorch_model${variant}.safetensors`,
		`text_encoder/model${variant}.safetensors`,
	]),
	"unet/diffusion_pytorch_model.safetensors.index.json",
	"unet/diffusion_pytorch_model-00001-of-00002.safetensors",
	...["adapter_config.json", "model.ckpt", "other.safetensors"],
];

export const modelTargets = [
	target("single-file-told", async () => {
		const tokenizer = modelFolderOf("m", tinyFiles());
		const whole = ["tiny-sd", "tiny-sd2"].map((name) =>
			widened(bytesOf(`${name}.single.safetensors`)),
		);
		return {
			make(random) {
				const tensors = mutatedTensors(random.pick(whole), random);
				for (const name of ["v_pred", "ztsnr", "global_step"])
					if (random.chance(0.1))
						tensors[name] = {
							dtype: random.pick(["F16", "I32", "U32"]),
							shape: random.pick([[], [0], [1], [2, 2]]),
						};
				return laidOut(
					tensors,
					random.chance(0.5) ? mutatedJson(said, random) : said,
				);
			},
			async run({ bytes, size }) {
				const files = await openSingleFile(
					{ ...memoryFile("f.safetensors", "f", bytes), size },
					{ tokenizer },
				);
				createPipeline({ ...files, hash: "0000000000" }, onnxRuntime, {
					threads: 1,
				}).settings({ prompt: "a", steps: 5 });
			},
		};
	}),
	target("shards", async () => {
		const files = tinyFiles();
		const path = "unet/diffusion_pytorch_model";
		const whole = files.get(`${path}.safetensors`) ?? new Uint8Array();
		const names = Object.keys(headerOf(Buffer.from(whole)).header);
		const shard = "diffusion_pytorch_model-00001-of-00001.safetensors";
		files.delete(`${path}.safetensors`);
		files.set(`unet/${shard}`, whole);
		const index = {
			metadata: { total_size: whole.length },
			weight_map: Object.fromEntries(
				names
					.filter((name) => name !== "__metadata__")
					.map((name) => [name, shard]),
			),
		};
		return {
			make: (random) => jsonText(mutatedJson(index, random), random),
			run: (text) =>
				openDiffusersFolder(
					modelFolderOf(
						"m",
						new Map(files).set(
							`${path}.safetensors.index.json`,
							Buffer.from(text),
						),
					),
				),
		};
	}),
	target("folder-extras", async () => {
		const files = tinyFiles();
		const extras = ["generation_config.json", "latent_colours.json"].map(
			(path) => [path, jsonOf("../../models/emoji", path)] as const,
		);
		return {
			make(random) {
				const [path, json] = random.pick(extras);
				return { path, text: jsonText(mutatedJson(json, random), random) };
			},
			async run({ path, text }) {
				const model = await openDiffusersFolder(
					modelFolderOf("m", new Map(files).set(path, Buffer.from(text))),
				);
				createPipeline({ ...model, hash: "0000000000" }, onnxRuntime, {
					threads: 1,
				}).settings({ prompt: "a" });
			},
		};
	}),
	target("preprocessor", async () => {
		const config = jsonOf("tiny-clip/preprocessor_config.json");
		return {
			make: (random) => mutatedJson(config, random),
			run: (json) => parseClipPreprocessing(json),
		};
	}),
	target("embedding-pickles", async () => {
		const whole = bytesOf("tiny-adapters", "ugly.pt");
		return {
			make: (random) => mutatedBytes(whole, random),
			run: async (bytes) =>
				embeddingsOf(
					{
						...{ label: "e.pt", name: "e", hash: "0", metadata: new Map() },
						weights: await readTorchArchive(memoryFile("e.pt", "e", bytes)),
					},
					32,
				),
		};
	}),
	target("hub-files", async () => ({
		make: (random) => ({
			siblings: paths
				.filter(() => random.chance(0.8))
				.map((rfilename) => ({ rfilename: oddPath(rfilename, random) })),
			choice: {
				...(random.chance(0.3) && { variant: random.pick(["fp16", ".*", ""]) }),
				...(random.chance(0.3) && { dtype: "fp16" as const }),
			},
		}),
		run({ siblings, choice }) {
			const listing = parseHubListing(
				{ sha: "0".repeat(40), siblings },
				"a/b",
				"https://example.org",
			);
			const there = new Set(siblings.map(({ rfilename }) => rfilename));
			for (const { path } of neededFiles(listing, "a/b", choice))
				promise(there.has(path), `${path} is not among the files`);
		},
	})),
];

function oddPath(path: string, random: Random): string {
	return random.chance(0.9)
		? path
		: random.pick([
				`../${path}`,
				`${path}/`,
				path.replace("/", "//"),
				path.replace("00001", "00003"),
				path.replace(".safetensors", ".non_ema.safetensors"),
				`${path}\0`,
				"a".repeat(300),
			]);
}
