import { join } from "node:path";
import { expect, test } from "vitest";
import type { NormStatistics } from "../../src/graph/layers/groupNorm.js";
import {
	decodeTiled,
	encodeTiled,
	nearestSample,
} from "../../src/models/tiledDecoding.js";
import { parseVaeConfig } from "../../src/models/vaeConfig.js";
import { buildVaeDecoder } from "../../src/models/vaeDecoder.js";
import { buildVaeEncoder } from "../../src/models/vaeEncoder.js";
import { onnxRuntime } from "../../src/runtime/onnxruntime/nodeOnnxRuntime.js";
import { relativeError } from "../../src/tensor/relativeError.js";
import { type Tensor, tensor } from "../../src/tensor/tensor.js";
import { openModel } from "../../src/weights/nodeOpenModel.js";

const emoji = join(import.meta.dirname, "..", "..", "models", "emoji");
const tiling = { tile: 16, overlap: 0.25, factor: 8 };
const [height, width] = [224, 320];
/** Pixels between the beginnings of tiles, and those over which a tile fades in. */
const [stride, fade] = [96, 32];

/** A picture with edges, flat parts and slow changes. */
function picture(): Tensor {
	const image = tensor([1, 3, height, width]);
	for (let y = 0; y < height; y++)
		for (let x = 0; x < width; x++) {
			const inside = (x - 150) ** 2 + (y - 110) ** 2 < 80 ** 2;
			const colour = inside
				? [0.9, 0.7 - y / 400, -0.6 + x / 500]
				: [1 - x / 800, 1 - y / 600, 0.95];
			for (const [c, value] of colour.entries())
				image.data[(c * height + y) * width + x] = value;
		}
	return image;
}

const decibels = (squares: number, count: number) =>
	10 * Math.log10(4 / (squares / count));

test("tiles leave no seams: along them the picture is about as near to the one decoded whole as elsewhere, without steps", async () => {
	const { networks } = await openModel(emoji);
	const { weights } = networks.vae;
	const config = parseVaeConfig(networks.vae.config);
	const dims = { batch: 1, height: 16, width: 16 };
	const open = (graph: ReturnType<typeof buildVaeDecoder>) =>
		onnxRuntime.createSession(graph, { threads: 1 });
	const encoderOf = (statistics?: NormStatistics) =>
		open(buildVaeEncoder({ ...config, statistics }, weights, dims));
	const encoder = await encoderOf();
	const decoder = await open(buildVaeDecoder(config, weights, dims));
	const image = picture();
	const { mean: latents } = await encoder.run({ image });
	const encoded = {
		told: await encoderOf("told"),
		given: await encoderOf("given"),
	};
	const {
		mean: _,
		logvar: __,
		...norms
	} = await encoded.told.run({ image: nearestSample(image, tiling.tile * 8) });
	const { mean: tiledLatents } = await encodeTiled(
		async (part) => encoded.given.run({ image: part, ...norms }),
		image,
		tiling,
	);
	const { mean: aloneLatents } = await encodeTiled(
		async (part) => encoder.run({ image: part }),
		image,
		tiling,
	);
	const decode = async (part: Tensor) =>
		(await decoder.run({ latents: part })).image;
	const whole = await decode(latents);
	const told = await open(
		buildVaeDecoder({ ...config, statistics: "told" }, weights, dims),
	);
	const given = await open(
		buildVaeDecoder({ ...config, statistics: "given" }, weights, dims),
	);
	const { image: small, ...statistics } = await told.run({
		latents: nearestSample(latents, tiling.tile),
	});
	expect(small.dims).toEqual([1, 3, 88, 128]);
	const tiled = await decodeTiled(
		async (part) => (await given.run({ latents: part, ...statistics })).image,
		latents,
		tiling,
	);
	await Promise.all(
		[encoder, decoder, told, given, ...Object.values(encoded)].map((session) =>
			session.release(),
		),
	);

	const sums = { seam: [0, 0], elsewhere: [0, 0] };
	// steps between neighbouring columns and rows, where a tile begins and elsewhere
	const steps = { seam: [0, 0], elsewhere: [0, 0] };
	for (let c = 0; c < 3; c++)
		for (let y = 0; y < height; y++)
			for (let x = 0; x < width; x++) {
				const at = (c * height + y) * width + x;
				const near = (place: number) =>
					place >= stride && place % stride < fade;
				const sum = near(x) || near(y) ? sums.seam : sums.elsewhere;
				const error = tiled.data[at] - whole.data[at];
				sum[0] += error ** 2;
				sum[1]++;
				const step = (back: number, place: number) => {
					if (place === 0) return;
					const into =
						place % stride === 0 || place % stride === fade
							? steps.seam
							: steps.elsewhere;
					into[0] += Math.abs(
						error - (tiled.data[at - back] - whole.data[at - back]),
					);
					into[1]++;
				};
				step(1, x);
				step(width, y);
			}
	const [seam, elsewhere] = [
		decibels(sums.seam[0], sums.seam[1]),
		decibels(sums.elsewhere[0], sums.elsewhere[1]),
	];
	const stepAt = ({ seam: [a, n], elsewhere: [b, m] }: typeof steps) => [
		a / n,
		b / m,
	];
	expect(seam).toBeGreaterThan(36);
	expect(seam).toBeGreaterThan(elsewhere - 5);
	// less than a byte's 2 / 255, which pixels are rounded to
	const [across, within] = stepAt(steps);
	expect(across).toBeLessThan(2 / 255);
	expect(within).toBeLessThan(2 / 255);
	expect(tiledLatents.dims).toEqual(latents.dims);
	// tiles that are normalised alone, as diffusers encodes them, are three times as far off
	const off = relativeError(tiledLatents.data, latents.data);
	const alone = relativeError(aloneLatents.data, latents.data);
	expect(off).toBeLessThan(0.15);
	expect(alone).toBeGreaterThan(2 * off);
});
