import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseMethods } from "../../src/evaluation/methods/method.js";
import { writeResults } from "../../src/evaluation/results/nodeWriteResults.js";
import type { Results } from "../../src/evaluation/results/results.js";
import { drawMissing } from "../../src/evaluation/run/nodeDrawMissing.js";
import {
	type EvaluationRequest,
	prepareRun,
} from "../../src/evaluation/run/nodePrepareRun.js";
import { scoreImages } from "../../src/evaluation/scoring/nodeScoreImages.js";
import type { MetricName } from "../../src/evaluation/scoring/scoreRequest.js";
import { frechetHere } from "../../src/metrics/frechetWork.js";
import { buildInception } from "../../src/models/inception.js";
import { buildLpips } from "../../src/models/lpips.js";
import { encodeSafetensors } from "../models/encodeSafetensors.js";
import { randomWeights } from "../models/randomWeights.js";
import { tinyDataset } from "./tinyRun.js";

const models = join(import.meta.dirname, "..", "models");
const folder = mkdtempSync(join(tmpdir(), "fdiff-inception-"));
const dataset = join(folder, "images");
const out = join(folder, "run");
const inception = join(folder, "inception.safetensors");
const lpips = join(folder, "lpips.safetensors");
const otherLpips = join(folder, "other.safetensors");

const request = (weights = [lpips]): EvaluationRequest => ({
	out,
	protocol: "every-image",
	dataset: { folder: dataset },
	methods: parseMethods("ddim-2 ddim-2+keys:0"),
	model: join(models, "tiny-sd"),
	modelOptions: { threads: 1 },
	scoring: {
		fid: "torch-fidelity",
		inceptionWeights: inception,
		lpips: { trunk: "alex", files: weights },
		threads: 1,
	},
	common: { width: 64, height: 64 },
	seed: 0,
	keepImages: -1,
});

let results: Results;
beforeAll(async () => {
	await tinyDataset(dataset);
	writeFileSync(
		inception,
		encodeSafetensors(
			randomWeights(buildInception(null, ["logits"], { batch: 1 })),
		),
	);
	const size = { batch: 1, height: 64, width: 64 };
	const trunk = randomWeights(buildLpips("alex", null, size));
	const bytes = encodeSafetensors(trunk);
	writeFileSync(lpips, bytes);
	// the last weight, a little different
	const changed = Uint8Array.from(bytes);
	changed[changed.length - 2] ^= 1;
	writeFileSync(otherLpips, changed);
	const run = await prepareRun(request());
	try {
		await drawMissing(run);
	} finally {
		await run.release();
	}
	results = await writeResults(out, { session: { threads: 1 } });
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("FID, KID and LPIPS are what fdiff score says of the same images", async () => {
	const scored = async (
		generated: string,
		reference: string,
		metrics: MetricName[],
		referenceSquare?: number,
	) => {
		const { metrics: found } = await scoreImages({
			frechet: frechetHere,
			generated,
			reference,
			metrics,
			...(referenceSquare ? { referenceSquare } : {}),
			fidVariant: "torch-fidelity",
			inceptionWeights: inception,
			lpipsWeights: [lpips],
			lpipsTrunk: "alex",
			kidSubsets: 100,
			kidSubsetSize: 4,
			batch: 2,
			limit: 1,
			session: { threads: 1 },
		});
		return new Map(found.map((one) => [one.metric, one]));
	};
	const [plain, propagated] = results.methods;
	// the real images are squares of 64 already once they are cut
	const distances = await scored(
		join(out, "images", "ddim-2+keys_0"),
		dataset,
		["fid", "kid"],
		64,
	);
	expect(propagated.fid?.value).toBeCloseTo(
		distances.get("fid")?.value ?? 0,
		4,
	);
	expect(propagated.kid?.value).toBeCloseTo(
		distances.get("kid")?.value ?? 0,
		6,
	);
	expect(propagated.kid?.deviation).toBeCloseTo(
		distances.get("kid")?.deviation ?? 0,
		6,
	);
	const paired = await scored(
		join(out, "images", "ddim-2+keys_0"),
		join(out, "images", "ddim-2"),
		["lpips", "ssim"],
	);
	expect(propagated.fidelity?.lpips?.value).toBeCloseTo(
		paired.get("lpips")?.value ?? 0,
		6,
	);
	expect(propagated.fidelity?.lpips?.value).toBeGreaterThan(0);
	expect(propagated.fidelity?.ssim.value).toBeCloseTo(
		paired.get("ssim")?.value ?? 0,
		6,
	);
	expect(plain.fidelity).toBeUndefined();
});

test("differences are paired, with intervals, and each figure says what it is", () => {
	const [plain, propagated] = results.methods;
	for (const name of ["fid", "kid"] as const) {
		const difference = propagated.difference?.[name];
		expect(difference?.value).toBeCloseTo(
			(propagated[name]?.value ?? 0) - (plain[name]?.value ?? 0),
			10,
		);
		expect(difference?.low).toBeLessThan(difference?.value ?? 0);
		expect(propagated[name]?.high).toBeGreaterThan(
			propagated[name]?.value ?? 0,
		);
	}
	expect(results.measures.kid).toMatch(/torch-fidelity.*100 subsets of 4/);
	expect(results.measures.lpips).toMatch(
		/LPIPS 0\.1 \(alex, weights sha256 [0-9a-f]{16}/,
	);
	expect(results.warnings.join("\n")).toMatch(
		/no Inception score: its 10 parts/,
	);
	const markdown = readFileSync(join(out, "results.md"), "utf8");
	expect(markdown).toMatch(/\| Method \| KID x 1000 \|/);
	expect(markdown).toMatch(/LPIPS to plain/);
	const images = readFileSync(join(out, "images.csv"), "utf8")
		.trim()
		.split("\n");
	expect(images.length).toBe(1 + 4 * 2);
});

test("other LPIPS weights are another run", async () => {
	await expect(prepareRun(request([otherLpips]))).rejects.toThrow(
		/of another run.*: scoring\.lpips\.weights/,
	);
});
