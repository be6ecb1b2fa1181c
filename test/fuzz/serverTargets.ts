import { encodeImage } from "../../src/image/nodeEncodeImage.js";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import { drawLocally } from "../../src/server/drawLocally.js";
import { DEFAULT_LIMITS } from "../../src/server/limits.js";
import { modelShelf } from "../../src/server/models.js";
import { createServer } from "../../src/server/server.js";
import { jsonText, mutatedBytes, mutatedJson, mutatedText } from "./mutate.js";
import { BrokenPromise, promise, target, tinySd } from "./target.js";

const run = { prompt: "a", width: 64, height: 64, steps: 1, seed: 3 };
const bodies: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
	"/api/jobs": {
		...{ ...run, previewEvery: 1, model: "tiny", keySteps: "all" },
		...{ numImages: 1, strength: 0.5, guidanceScale: 2, sampler: "euler" },
	},
	"/api/settings": { ...run, hires: 1, clipSkip: 1, schedule: "karras" },
	"/v1/images/generations": {
		...{ prompt: "a", n: 1, size: "64x64", model: "tiny", steps: 1 },
		...{ output_format: "png", response_format: "b64_json", seed: 4 },
		...{ stream: false, partial_images: 1, output_compression: 80 },
	},
	"/sdapi/v1/txt2img": {
		...{ ...run, cfg_scale: 7, n_iter: 1, batch_size: 1, enable_hr: false },
		...{ sampler_name: "Euler a", scheduler: "karras", hr_scale: 2, eta: 0 },
		override_settings: { CLIP_stop_at_last_layers: 2, key_steps: "all" },
		...{ denoising_strength: 0.5, alwayson_scripts: {}, send_images: true },
	},
	"/sdapi/v1/img2img": {
		...{ ...run, cfg_scale: 7, denoising_strength: 0.7, resize_mode: 1 },
		...{ mask_blur: 4, inpainting_fill: 1, inpaint_full_res: true },
		...{ inpaint_full_res_padding: 32, mask: null, styles: [] },
	},
	"/sdapi/v1/png-info": { image: "" },
	"/sdapi/v1/options": {
		...{ sd_model_checkpoint: "tiny", CLIP_stop_at_last_layers: 1 },
	},
	"/sdapi/v1/interrupt": {},
};
const pictureFields: Readonly<Record<string, string>> = {
	"/api/jobs": "initImage",
	"/sdapi/v1/img2img": "init_images",
	"/sdapi/v1/png-info": "image",
};

export const serverTargets = [
	target("server", async () => {
		const pipeline = await loadPipeline(tinySd, { threads: 1 });
		const shelf = modelShelf([{ name: "tiny", pipeline }], 1);
		let raw = "";
		const { app } = await createServer({
			...{ shelf, runner: drawLocally(shelf), lanes: 1, keys: [], hosts: [] },
			limits: {
				...DEFAULT_LIMITS,
				...{ queue: 4, steps: 2, pixels: 64 * 64, images: 1, keepSeconds: 1 },
			},
			log: ({ event, error }) => {
				if (event === "error") raw = String(error);
			},
		});
		const png = await encodeImage(
			{ width: 8, height: 8, data: new Uint8Array(192).fill(9) },
			"png",
			{ parameters: "a\nSteps: 1, Sampler: Euler, Seed: 1, Size: 64x64" },
		);
		return {
			make: (random) => {
				const path = random.pick(Object.keys(bodies));
				const picture = Buffer.from(
					random.chance(0.5) ? mutatedBytes(png, random) : png,
				).toString("base64");
				const field = pictureFields[path];
				const body: unknown = {
					...bodies[path],
					...(field &&
						random.chance(0.8) && {
							[field]: field === "init_images" ? [picture] : picture,
						}),
				};
				return {
					path: random.chance(0.1) ? mutatedText(path, random) : path,
					method: random.pick(["POST", "POST", "POST", "GET", "DELETE"]),
					payload: jsonText(
						random.chance(0.9) ? mutatedJson(body, random) : body,
						random,
					),
				};
			},
			run: async ({ path, method, payload }) => {
				raw = "";
				// no client can send another address
				if (!path.startsWith("/")) return;
				let answer: { statusCode: number; body: string };
				try {
					answer = await app.inject({
						...{ method: method as "POST", url: path, payload },
						headers: {
							host: "localhost",
							"content-type": "application/json",
						},
					});
				} catch (error) {
					if (/invalid url/i.test(String(error))) return;
					throw error;
				}
				if (raw) throw new BrokenPromise(raw.slice(0, 300));
				promise(answer.statusCode !== 500, `500: ${answer.body.slice(0, 200)}`);
			},
		};
	}),
];
