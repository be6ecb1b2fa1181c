import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { inceptionExtractor } from "../../src/metrics/nodeInceptionExtractor.js";
import { openLpips } from "../../src/metrics/nodeLpips.js";
import { buildInception } from "../../src/models/inception.js";
import { buildLpips } from "../../src/models/lpips.js";
import type { Weights } from "../../src/weights/formats/weights.js";
import { encodeSafetensors } from "../models/encodeSafetensors.js";
import { randomWeights } from "../models/randomWeights.js";

/** Makes the first value of a tensor NaN. */
function damage({ tensors, files }: Weights, name: string): void {
	const tensor = tensors.get(name);
	const file = tensor && files.get(tensor.file);
	if (!file || !("bytes" in file)) throw new Error(`there is no ${name}`);
	new DataView(file.bytes.buffer).setFloat32(tensor.offset, Number.NaN, true);
}

const picture = {
	width: 64,
	height: 64,
	channels: 3 as const,
	data: new Uint8Array(64 * 64 * 3).fill(100),
};
const notFinite = (message: RegExp) => ({
	code: "not_finite",
	message: expect.stringMatching(message),
});

test("features of a damaged Inception are an error, not a score", async () => {
	const weights = randomWeights(buildInception(null, ["2048"], { batch: 1 }));
	damage(weights, "Conv2d_1a_3x3.bn.bias");
	const extractor = await inceptionExtractor(
		{ weights, hash: "0" },
		"torch-fidelity",
		["2048"],
		{ threads: 1 },
	);
	await expect(extractor.extract([picture])).rejects.toMatchObject(
		notFinite(/Inception's 2048.*NaN.*weights are damaged/),
	);
	await extractor.release();
});

test("distances of a damaged LPIPS are an error, not a score", async () => {
	const folder = mkdtempSync(join(tmpdir(), "fdiff-lpips-"));
	const size = { batch: 1, height: 64, width: 64 };
	const weights = randomWeights(buildLpips("alex", null, size));
	damage(weights, "lin4.model.1.weight");
	const path = join(folder, "alex.safetensors");
	writeFileSync(path, encodeSafetensors(weights));
	const lpips = await openLpips([path], "alex", { threads: 1 });
	const black = { ...picture, data: new Uint8Array(64 * 64 * 3) };
	await expect(lpips.distance(picture, black)).rejects.toMatchObject(
		notFinite(/LPIPS distance.*NaN.*weights are damaged/),
	);
	await lpips.release();
	rmSync(folder, { recursive: true });
});
