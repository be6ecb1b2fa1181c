import { defineConfig } from "vitest/config";

export default defineConfig({
	test: {
		include: ["test/**/*.test.ts"],
		globalSetup: ["test/cli/buildProgram.ts"],
		testTimeout: 120_000,
		hookTimeout: 120_000,
		pool: "forks",
		maxWorkers: 2,
		// what is drawn must not depend on what a machine has installed: tests of other engines name theirs
		env: { FDIFF_OPENVINO_DIR: "off" },
	},
});
