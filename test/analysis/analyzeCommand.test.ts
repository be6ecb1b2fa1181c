import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import sharp from "sharp";
import { expect, test, vi } from "vitest";
import { addAnalyzeCommand } from "../../src/cli/analyze.js";
import { UserError } from "../../src/errors/userError.js";
import { decodeNpy } from "../../src/tensor/npy.js";

const tiny = join(import.meta.dirname, "..", "models", "tiny-sd");

function analyze(words: readonly string[]): Promise<Command> {
	const program = new Command("fdiff");
	addAnalyzeCommand(program);
	return program.parseAsync(["analyze", ...words], { from: "user" });
}

test("fdiff analyze writes a self-contained page, plots and arrays, and says what it found", async () => {
	const out = await mkdtemp(join(tmpdir(), "fdiff-analyze-"));
	const printed: string[] = [];
	const write = vi
		.spyOn(process.stdout, "write")
		.mockImplementation((text) => printed.push(String(text)) > 0);
	try {
		await analyze([
			...["a <red> apple", "--model", tiny, "--threads", "1"],
			...["--optimization", "extended", "--sampler", "ddim", "--steps", "3"],
			...["--shown", "2", "--seed", "1", "--quiet", "--out", out],
		]);
		const summary = JSON.parse(
			await readFile(join(out, "summary.json"), "utf8"),
		);
		expect(printed.join("")).toContain(summary.sentences[0]);
		const { dims } = decodeNpy(
			await readFile(join(out, "similarity.npy")),
			"similarity.npy",
		);
		expect(dims).toEqual([2, summary.blocks.length, 3, 3]);
		const page = await readFile(join(out, "report.html"), "utf8");
		expect(page).toContain("a &lt;red&gt; apple");
		// nothing is loaded from elsewhere
		expect(page).not.toMatch(/(?:src|href)="(?!data:|#)/);
		expect(page).not.toContain("<script");
		const png = await sharp(
			join(out, "plots", "blocks-relativeChange.png"),
		).metadata();
		expect(png.width).toBeGreaterThan(600);
	} finally {
		write.mockRestore();
		await rm(out, { recursive: true, force: true });
	}
});

test("without prompts it says how to give some", async () => {
	await expect(analyze(["--out", "nowhere"])).rejects.toThrow(UserError);
});
