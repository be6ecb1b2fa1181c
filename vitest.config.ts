import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { defineConfig } from "vitest/config";

/**
 * OpenVINO for the tests, where `fdiff engines install openvino` put it. What else is drawn must not depend on what a machine has installed,
 * so that all other tests do not find it.
 */
const openVino =
	process.env.FDIFF_TEST_OPENVINO ??
	join(homedir(), ".cache/faster-diffusion/engines/openvino-2026.4.1");
const hasOpenVino = existsSync(openVino);
if (!hasOpenVino)
	console.warn(
		`OpenVINO is not installed in ${openVino}: tests run with ONNX Runtime only`,
	);

/** What drives a real browser, or its graphics device: `npm run test:browser`. */
const inBrowser = [
	"test/browser/**/*.test.ts",
	"test/web/page.test.ts",
	"test/runtime/onnxruntime/webGpuCheck.test.ts",
];

export default defineConfig({
	test: {
		globalSetup: ["test/cli/buildProgram.ts"],
		testTimeout: 120_000,
		hookTimeout: 120_000,
		pool: "forks",
		// one more than the cores of a small machine: tests of servers, downloads and kills wait most of the time
		maxWorkers: 3,
		projects: [
			{
				extends: true,
				test: {
					name: "onnxruntime",
					// modules, and the runtime's thread, are loaded once for all files that a worker runs
					isolate: false,
					include: ["test/**/*.test.ts"],
					exclude: ["test/runtime/openvino/**", ...inBrowser],
					env: {
						FDIFF_OPENVINO_DIR: "off",
						...(hasOpenVino ? { FDIFF_TEST_OPENVINO: openVino } : {}),
					},
				},
			},
			{
				extends: true,
				test: {
					name: "browser",
					include: inBrowser,
					env: { FDIFF_OPENVINO_DIR: "off" },
				},
			},
			...(hasOpenVino
				? [
						{
							extends: true as const,
							test: {
								name: "openvino",
								include: [
									"test/runtime/openvino/**/*.test.ts",
									"test/models/{unet,unetVariants,unetComparatorParts,clipText,vae,inception,lpips}.test.ts",
									"test/graph/{graphBuilder,tokenMerging}.test.ts",
									"test/propagation/golden.test.ts",
								],
								env: {
									FDIFF_OPENVINO_DIR: openVino,
									FDIFF_TEST_ENGINE: "openvino",
								},
							},
						},
					]
				: []),
		],
	},
});
