import { UserError } from "../errors/userError.js";
import { type Pixels, planes } from "../image/resize/pixels.js";
import { buildLpips, type LpipsTrunk } from "../models/lpips.js";
import { onnxRuntime } from "../runtime/onnxruntime/nodeOnnxRuntime.js";
import type { SessionOptions } from "../runtime/session.js";
import { assertFinite } from "../tensor/assertFinite.js";
import { openNodeWeightFile } from "../weights/formats/nodeModelFolder.js";
import {
	joinWeights,
	openWeightsFile,
} from "../weights/formats/nodeWeightsFile.js";
import { modelHash } from "../weights/modelHash.js";
import type { Lpips } from "./lpips.js";

/**
 * Loads LPIPS (see `buildLpips`).
 * @param paths files of weights: the trunk's and lpips' own, or one that holds both
 * @throws UserError when one cannot be read, or a weight is missing.
 */
export async function openLpips(
	paths: readonly string[],
	trunk: LpipsTrunk,
	options?: SessionOptions,
): Promise<Lpips> {
	const weights = joinWeights(await Promise.all(paths.map(openWeightsFile)));
	const hash = await modelHash(weights, openNodeWeightFile);
	// the graph takes any size
	const dims = { batch: 1, height: 512, width: 512 };
	const session = await onnxRuntime.createSession(
		buildLpips(trunk, weights, dims),
		options,
	);
	const input = (picture: Pixels) => ({
		dims: [1, 3, picture.height, picture.width],
		data: planes(picture).data.map((value) => value / 127.5 - 1),
	});
	return {
		label: weights.label,
		trunk,
		hash,
		async distance(first, second) {
			if (first.width !== second.width || first.height !== second.height)
				throw new UserError(
					`LPIPS compares pictures of one size, not ${first.width}×${first.height} and ${second.width}×${second.height}`,
				);
			const { distance } = await session.run({
				first: input(first),
				second: input(second),
			});
			assertFinite(
				`${weights.label}: the LPIPS distance`,
				distance,
				"its weights are damaged",
			);
			return distance.data[0];
		},
		release: () => session.release(),
	};
}
