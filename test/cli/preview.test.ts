import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readImage } from "../../src/image/nodeImageFile.js";
import { emptyFolder, fdiff, listing, manyRuns, quick } from "./runProgram.js";

const folder = emptyFolder();
const run = manyRuns();
const preview = ["--preview", "preview.png"];

test("a file shows what a run is at, and at last its picture", async () => {
	const seen = new Set<string>();
	const { code } = await fdiff(
		["apple", ...quick, ...preview, "--output", "apple.png", "--steps", "60"],
		folder,
		(child) => {
			const looking = setInterval(() => {
				try {
					// what is there is always a whole file
					const bytes = readFileSync(join(folder, "preview.png"));
					expect(bytes.subarray(-8, -4).toString("latin1")).toBe("IEND");
					seen.add(bytes.toString("base64"));
				} catch (error) {
					if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
				}
			}, 2);
			child.on("close", () => clearInterval(looking));
		},
	);
	expect(code).toBe(0);
	expect(seen.size).toBeGreaterThan(2);
	const [shown, image] = await Promise.all(
		["preview.png", "apple.png"].map((name) => readImage(join(folder, name))),
	);
	expect(shown).toEqual(image);
	expect(listing(folder)).toEqual(["apple.png", "preview.png"]);
});

test("what cannot be previewed into is said before anything is drawn", async () => {
	const before = listing(folder);
	for (const [flags, line] of [
		[
			["--preview", "preview.gif"],
			/^fdiff: --preview: preview.gif: "\.gif" files are not written/m,
		],
		[
			["--preview", "none/preview.png"],
			/--preview none\/preview.png cannot be written/,
		],
		[["--preview", "out.png"], /--preview: it is a file of --output/],
		[["--preview-every", "2"], /--preview-every: it is for --preview FILE/],
		[
			[...preview, "--preview-every", "x"],
			/--preview-every: "x" is not a whole number/,
		],
	] as const) {
		const { code, stderr } = await run(
			["apple", ...quick, ...flags, "--output", "out.png"],
			folder,
		);
		expect(stderr).toMatch(line);
		expect(stderr.trimEnd().split("\n")).toHaveLength(1);
		expect(code).not.toBe(0);
	}
	expect(listing(folder)).toEqual(before);
});
