import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { emptyFolder, root } from "../../cli/runProgram.js";

/** Where Chromium keeps the graphics device that it computes itself. */
const chromium = "/usr/lib/chromium";

// the device compiles its programs for some seconds before it says anything
test.skipIf(!existsSync(join(chromium, "vk_swiftshader_icd.json")))(
	"a graphics device that computes wrongly is refused by name",
	async () => {
		const drawing = promisify(execFile)(
			process.execPath,
			[
				join(root, "dist/cli/main.js"),
				"a red apple",
				...["--device", "webgpu", "--steps", "1"],
			],
			{
				cwd: emptyFolder(),
				env: {
					...process.env,
					VK_ICD_FILENAMES: join(chromium, "vk_swiftshader_icd.json"),
					LD_LIBRARY_PATH: chromium,
				},
			},
		);
		await expect(drawing).rejects.toMatchObject({
			code: 2,
			stderr: expect.stringMatching(
				/--device: this machine's graphics device computes attention, heads of 16 \(off by 0\.\d+\), .* wrongly: choose cpu/,
			),
		});
	},
	200_000,
);
