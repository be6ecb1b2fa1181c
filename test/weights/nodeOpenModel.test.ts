import { cpSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { embeddedModelsFolder } from "../../src/weights/nodeEmbeddedModels.js";
import { locateModel, openModel } from "../../src/weights/nodeOpenModel.js";

const before = process.cwd();
beforeAll(() => process.chdir(mkdtempSync(join(tmpdir(), "open-"))));
afterAll(() => process.chdir(before));
const embedded = join(embeddedModelsFolder, "emoji");

test("a folder that is no model does not hide the embedded model of its name", async () => {
	mkdirSync("emoji");
	writeFileSync(join("emoji", "0001.png"), "");
	expect(await locateModel("emoji")).toEqual({
		kind: "folder",
		path: embedded,
	});
	expect((await openModel(undefined)).folder).toBe(embedded);
	await expect(openModel("./emoji")).rejects.toThrow(
		/^\.\/emoji\/model_index\.json is missing/,
	);
});

test("one that is a model is taken by its name, but not where no model is named", async () => {
	cpSync(join(before, "test/models/tiny-sd"), "emoji", { recursive: true });
	expect((await openModel("emoji")).folder).toBe("emoji");
	expect(await openModel(undefined)).toMatchObject({
		label: "emoji",
		folder: embedded,
		kind: "text-to-image",
	});
});
