import { expect, test } from "vitest";
import { OptionError } from "../../src/errors/optionError.js";
import { UserError } from "../../src/errors/userError.js";
import type { PixelImage } from "../../src/image/pixelImage.js";
import { createQueue } from "../../src/server/queue.js";

const MIB = 2 ** 20;
const initImage: PixelImage = {
	width: 1024,
	height: 1024,
	data: new Uint8Array(3 * MIB),
};

test("an ended job keeps none of the pictures that it was given", () => {
	const queue = createQueue({
		runner: (_job, _tell, signal) =>
			new Promise((_resolve, reject) => {
				signal.addEventListener("abort", () => reject(signal.reason));
			}),
		lanes: 1,
		limits: { queue: 10, seconds: 60, keepSeconds: 60, keptBytes: 10 * MIB },
	});
	const submit = () =>
		queue.submit({
			owner: "local",
			model: "tiny",
			options: { prompt: "a", initImage },
			evaluations: 1,
			previewEvery: 0,
		});
	const running = submit();
	const waiting = submit();
	waiting.cancel();
	expect(running.request.options).toEqual({ prompt: "a", initImage });
	expect(waiting.request.options).toEqual({ prompt: "a" });
	// nor is there less room for others
	for (let n = 0; n < 9; n++) submit().cancel();
	expect(queue.list("local")).toHaveLength(11);
	running.cancel();
});

test.each([
	new OptionError("device", "cuda cannot be used on this machine"),
	new UserError("the device failed", { code: "unsupported" }),
])("a device that fails is the server's own fault: %s", async (error) => {
	const logged: unknown[] = [];
	const queue = createQueue({
		runner: () => Promise.reject(error),
		lanes: 1,
		limits: { queue: 1, seconds: 60, keepSeconds: 60, keptBytes: MIB },
		onInternalError: (_job, cause) => logged.push(cause),
	});
	const job = queue.submit({
		owner: "local",
		model: "tiny",
		options: { prompt: "a" },
		evaluations: 1,
		previewEvery: 0,
	});
	await job.ended();
	expect(job.error).toMatchObject({ status: 500, code: "internal_error" });
	expect(job.error?.message).not.toContain("cuda");
	expect(logged).toEqual([error]);
});
