import { copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openInceptionWeights } from "../../src/metrics/nodeInceptionWeights.js";

const archive = join(
	import.meta.dirname,
	"../models/torch-archives/legacy.pth",
);
let root: string;

beforeEach(async () => {
	root = await mkdtemp(join(tmpdir(), "inception-"));
	vi.stubEnv("XDG_CACHE_HOME", root);
	vi.stubEnv("TORCH_HOME", "");
	vi.stubEnv("HF_HUB_OFFLINE", "1");
});
afterEach(async () => {
	vi.unstubAllEnvs();
	await rm(root, { recursive: true, force: true });
});

test("what torch's hub has fetched is found", async () => {
	const folder = join(root, "torch", "hub", "checkpoints");
	await mkdir(folder, { recursive: true });
	const name = "pt_inception-2015-12-05-6726825d.pth";
	await copyFile(archive, join(folder, name));
	const { weights, hash } = await openInceptionWeights();
	expect(weights.label).toBe(join(folder, name));
	expect(weights.tensors.has("conv.weight")).toBe(true);
	expect(hash).toMatch(/^[0-9a-f]{8}$/);
});

test("a file that is given is taken", async () => {
	const { weights } = await openInceptionWeights({ path: archive });
	expect(weights.label).toBe(archive);
});

test("offline, without a file, one line says where to get it", async () => {
	await expect(openInceptionWeights()).rejects.toThrow(
		/^inceptionWeights: .*fetch https:\/\/\S+6726825d\.pth and name the file/,
	);
});
