import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
	ended,
	recordLines,
	resultsOf,
	start,
	tinyDataset,
	tinyEvaluation,
} from "./tinyRun.js";

const folder = mkdtempSync(join(tmpdir(), "fdiff-resume-"));
const dataset = join(folder, "images");
const whole = join(folder, "whole");

beforeAll(async () => {
	await tinyDataset(dataset);
	const { code, errors } = await ended(start(tinyEvaluation(dataset, whole)));
	expect(errors).toBe("");
	expect(code).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("killed at 8 random moments and run again, it comes to the identical result", async () => {
	const out = join(folder, "killed");
	let kills = 0;
	// `npm run kill-test` does hundreds; each run is killed a little after it has written something, or before it could
	for (let attempt = 0; attempt < 8; attempt++) {
		const child = start(tinyEvaluation(dataset, out));
		const end = ended(child);
		const before = linesOf(out);
		const deadline =
			Date.now() + (attempt % 2 === 0 ? Math.random() * 400 : 20_000);
		while (Date.now() < deadline && linesOf(out) <= before) {
			await delay(5);
			if (child.exitCode !== null) break;
		}
		await delay(Math.random() * 40);
		child.kill("SIGKILL");
		const { code } = await end;
		if (code === null) kills++;
	}
	expect(kills).toBeGreaterThanOrEqual(6);
	const { code, errors } = await ended(start(tinyEvaluation(dataset, out)));
	expect(errors).toBe("");
	expect(code).toBe(0);
	expect(resultsOf(out)).toEqual(resultsOf(whole));
}, 300_000);

function linesOf(out: string): number {
	try {
		return recordLines(out).length;
	} catch {
		return 0;
	}
}
