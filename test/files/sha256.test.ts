import { createHash, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { sha256 } from "../../src/files/sha256.js";

test.each([0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 1000, 100_003])(
	"SHA-256 of %i bytes in pieces is Node's",
	(length) => {
		const bytes = randomBytes(length);
		const digest = sha256();
		for (let at = 0; at < length; at += 37)
			digest.update(bytes.subarray(at, at + 37));
		expect(digest.hex()).toBe(createHash("sha256").update(bytes).digest("hex"));
	},
);
