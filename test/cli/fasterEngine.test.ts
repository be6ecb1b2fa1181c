import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { fasterEngine } from "../../src/cli/fasterEngine.js";
import {
	thisPlatform,
	WHEEL_DIGESTS,
} from "../../src/runtime/openvino/nodeWheels.js";

const folder = mkdtempSync(join(tmpdir(), "fdiff-faster-"));
const before = process.env.FDIFF_OPENVINO_DIR;
afterAll(() => {
	process.env.FDIFF_OPENVINO_DIR = before;
	rmSync(folder, { recursive: true });
});

test.skipIf(!WHEEL_DIGESTS[thisPlatform])(
	"a slow run of ONNX Runtime is told of the engine that is not installed, and no other",
	async () => {
		process.env.XDG_CACHE_HOME = folder;
		delete process.env.FDIFF_OPENVINO_DIR;
		const slow = { engine: "onnxruntime", seconds: 60 };
		expect(await fasterEngine(slow)).toMatch(/^[^\n]*engines install openvino/);
		for (const other of [
			{ ...slow, seconds: 2 },
			{ ...slow, asked: "onnxruntime" },
			{ ...slow, device: "cuda" },
			{ ...slow, engine: "openvino" },
		])
			expect(await fasterEngine(other)).toBeUndefined();
		process.env.FDIFF_OPENVINO_DIR = "off";
		expect(await fasterEngine(slow)).toBeUndefined();
	},
);
