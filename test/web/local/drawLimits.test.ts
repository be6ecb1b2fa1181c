import { expect, test } from "vitest";
import { checkGiven, checkPixels } from "../../../web/src/local/drawLimits.js";

test("a page draws so many pixels and no more, enlarged ones and defaults counted in", () => {
	checkPixels({ width: 512, height: 512, hires: undefined });
	checkPixels({ width: 128, height: 128, hires: 4 });
	expect(() =>
		checkPixels({ width: 4096, height: 128, hires: undefined }),
	).toThrow(/^width: 4096 x 128 is over the 262144 pixels/);
	expect(() => checkPixels({ width: 256, height: 256, hires: 2.5 })).toThrow(
		/^hires: 256 x 256 enlarged 2.5 times is over the 262144 pixels/,
	);
	expect(() => checkGiven({ steps: 151 })).toThrow(
		/^steps: 151 is over 150, the most here/,
	);
});
