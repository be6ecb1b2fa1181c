import { afterAll, expect, test, vi } from "vitest";
import { webLoraFinder } from "../../../src/weights/web/webAdapterFile.js";

vi.stubGlobal("location", new URL("https://page.example/"));
afterAll(() => {
	vi.unstubAllGlobals();
});

test.each([
	["owner/loras", "owner/loras@main/ice.safetensors"],
	["owner/loras@v2", "owner/loras@v2/ice.safetensors"],
	["https://h.example/loras", "https://h.example/loras/ice.safetensors"],
	[
		"https://h.example/loras/?token=abc",
		"https://h.example/loras/ice.safetensors?token=abc",
	],
])("a LoRA that a prompt names lies in %s at %s", async (folder, file) => {
	expect(await (await webLoraFinder(folder))("ice")).toBe(file);
});

test("behind a revision with a stroke nothing can be found", async () => {
	await expect(webLoraFinder("owner/loras@refs/pr/1")).rejects.toThrow(
		/revision with a "\/"; give its commit/,
	);
});
