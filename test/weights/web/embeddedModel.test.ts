import { readdirSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";
import { expect, test } from "vitest";
import { neededFiles } from "../../../src/weights/hub/hubFiles.js";
import { embeddedLoras } from "../../../src/weights/web/embeddedLoras.js";
import { embeddedModelUrls } from "../../../src/weights/web/embeddedModel.js";

const root = join(import.meta.dirname, "..", "..", "..");

test("a bundle has every file of the embedded model that is read", () => {
	const files = readdirSync(join(root, "models/emoji"), { recursive: true })
		.map((name) => String(name).replaceAll(sep, "/"))
		.map((path) => ({ path, size: undefined, etag: undefined }));
	const needed = neededFiles({ commit: "", files }, "emoji", {});
	expect(Object.keys(embeddedModelUrls).sort()).toEqual(
		needed.map(({ path }) => path).sort(),
	);
	for (const [path, { href }] of Object.entries(embeddedModelUrls))
		expect(href.endsWith(`models/emoji/${path}`)).toBe(true);
});

test("a bundle has the LoRAs that come with the embedded model", () => {
	expect(
		Object.entries(embeddedLoras).map(([name, { href }]) => [
			`${name}.safetensors`,
			href.split("/models/").at(-1),
		]),
	).toEqual(
		readdirSync(join(root, "models/emoji/lora")).map((file) => [
			file,
			`emoji/lora/${file}`,
		]),
	);
});

test("a bundle has the embedded model's plans (npm run docs writes which)", async () => {
	const { embeddedPlans } = (await import(
		join(root, "scripts/embedded-plans.mjs")
	)) as { embeddedPlans(): string };
	expect(
		readFileSync(
			join(root, "src/weights/web/embeddedPlans.ts"),
			"utf8",
		).replace(/\s+/g, " "),
	).toBe(embeddedPlans().replace(/\s+/g, " "));
});
