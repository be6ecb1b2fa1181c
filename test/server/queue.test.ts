import { expect, test } from "vitest";
import type { PixelImage } from "../../src/image/pixelImage.js";
import { createQueue } from "../../src/server/queue.js";

const MIB = 2 ** 20;
const initImage: PixelImage = {
	width: 1024,
	height: 1024,
	data: new Uint8Array(3 * MIB),
};

test("pictures that jobs were given count among what is kept of ended ones: the oldest go", () => {
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
	const ended = Array.from({ length: 5 }, () => {
		const job = submit();
		job.cancel();
		return job.id;
	});
	const kept = ended.map((id) => queue.find(id, "local") !== undefined);
	expect(kept).toEqual([false, false, true, true, true]);
	expect(queue.find(running.id, "local")).toBeDefined();
	running.cancel();
});
