import { join } from "node:path";
import { expect, it } from "vitest";
import { openLpips } from "../../src/metrics/nodeLpips.js";

// Written by test/reference/torch_archives.py: AlexNet of zeros and random lpips weights, deflated.
const deflated = join(
	import.meta.dirname,
	"../models/torch-archives/alex-deflated.pth",
);

it("takes weights that are compressed in their file, and so lie in memory", async () => {
	const lpips = await openLpips([deflated], "alex");
	const picture = { width: 64, height: 64, channels: 3 as const };
	const black = { ...picture, data: new Uint8Array(64 * 64 * 3) };
	expect(lpips.hash).toMatch(/^[0-9a-f]{10}$/);
	expect(await lpips.distance(black, black)).toBe(0);
	await lpips.release();
});
