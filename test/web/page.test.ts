import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";
import { afterEach, describe, expect, test } from "vitest";
import { startServer } from "../server/startServer.js";
import { assertNoComplaints, hasBrowser, openPage } from "./openPage.js";

const KEY = "alice-0123456789abcdef";

/** In the page: what the pictures of the gallery are kept as. */
const KEPT_KINDS = `(async () => {
	const answer = (request) => new Promise((resolve, reject) => {
		request.onsuccess = () => resolve(request.result);
		request.onerror = () => reject(request.error);
	});
	const database = await answer(indexedDB.open("faster-diffusion"));
	const store = database.transaction("pictures").objectStore("pictures");
	const kept = await answer(store.getAll());
	database.close();
	return kept.map(({ png }) => png.constructor.name);
})()`;

describe.skipIf(!hasBrowser)("the page", async () => {
	const { url, queue, requests } = await startServer();
	/** The tests go on where the one before left it, unless they open their own. */
	const page = await openPage(url);
	afterEach(assertNoComplaints);

	/** Its picture, and the plain one beside it, are finished. */
	const drawn = async (page: Page) => {
		await page
			.locator(".comparison, .frame > img:not(.predicted)")
			.first()
			.waitFor();
		await page.locator(".frame[data-busy=false]").waitFor();
	};
	const asked = () =>
		requests.findLast(({ previewEvery }) => previewEvery > 0)?.options;
	const step = (page: Page, number: number) =>
		page.getByRole("button", { name: new RegExp(`^Step ${number}:`) });

	test("opens on a picture, beside the plain one, with what its steps predicted", async () => {
		await drawn(page);
		await page.locator(".comparison").waitFor();
		expect(await page.locator(".comparison img").count()).toBe(2);
		await page.getByText("PSNR to the plain picture").waitFor();
		expect(await page.locator(".facts").innerText()).toMatch(
			/DeepCache\s+[\d.]+ s\s+encoder at 7 of 20 steps[\s\S]*[\d.]+ dB/,
		);
		expect(await page.locator(".prediction img").count()).toBe(20);
		expect(await page.locator(".expected").innerText()).toMatch(
			/^\d\.\d\d× expected/,
		);

		// the line between the pictures goes by the keyboard
		const line = page.getByRole("slider", { name: "Line between" });
		await line.focus();
		await page.keyboard.press("Home");
		expect(await line.inputValue()).toBe("0");
		// and so do the predictions
		await page
			.getByRole("slider", { name: "What each step predicted" })
			.focus();
		await page.keyboard.press("Home");
		await page.getByText("Step 1 predicted this").waitFor();
		await page.keyboard.press("Escape");
		await page.locator(".comparison").waitFor();
	});

	test("the picture follows the typing; runs that nobody waits for are cancelled", async () => {
		const before = queue.list("local").length;
		const prompt = page.getByRole("textbox", { name: "Prompt" });
		await prompt.fill("");
		await prompt.pressSequentially("a red kite", { delay: 60 });
		await page.waitForTimeout(400);
		await prompt.pressSequentially(" in the sky", { delay: 10 });
		await page.getByText("fdiff 'a red kite in the sky'").waitFor();
		await drawn(page);
		expect(asked()?.prompt).toBe("a red kite in the sky");
		// far fewer than letters
		expect(queue.list("local").length - before).toBeLessThan(8);
		expect(queue.count("running") + queue.count("queued")).toBe(0);
	});

	test("steps are clicked, dragged over, and changed by keys; the cost is there at once", async () => {
		await page.getByRole("button", { name: "Plain", exact: true }).click();
		await page.getByText("1.00× expected").waitFor();
		await page.getByText("Outer", { exact: true }).click();
		await step(page, 3).click();
		expect(await step(page, 3).getAttribute("aria-label")).toBe(
			"Step 3: Outer, 1 layer",
		);
		const from = await step(page, 6).boundingBox();
		const to = await step(page, 9).boundingBox();
		if (!from || !to) throw new Error("the steps cannot be seen");
		await page.mouse.move(from.x + 5, from.y + 40);
		await page.mouse.down();
		await page.mouse.move(to.x + 5, to.y + 40, { steps: 8 });
		await page.mouse.up();
		await step(page, 12).focus();
		await page.keyboard.press("d");
		await page.keyboard.press("ArrowRight");
		await page.keyboard.press("n");
		await page.keyboard.press("Home");
		await page.keyboard.press("d");
		const states = [
			"full,full,outer:1,full,full,outer:1,outer:1,outer:1,outer:1,full",
			"full,decoder,nothing:0,full,full,full,full,full,full,full",
		].join();
		await page.getByText(`--key-steps ${states}`).waitFor();
		await page.getByText("Your own").waitFor();
		expect(await page.locator(".expected").innerText()).not.toMatch(/^1\.00/);
		await drawn(page);
		expect(asked()?.keySteps).toBe(states);
	});

	test("sections say their values while closed; other steps keep the plan's shape", async () => {
		await page.getByText("DPM++ 2M · 20 steps").waitFor();
		await page.getByText("Sampling", { exact: true }).click();
		await page.getByRole("spinbutton", { name: "Steps" }).fill("10");
		await page.keyboard.press("Enter");
		await page.getByText("DPM++ 2M · 10 steps").waitFor();
		await page.locator(".cell").nth(9).waitFor();
		await expect.poll(() => page.locator(".cell").count()).toBe(10);
		await drawn(page);
		expect(asked()?.steps).toBe(10);
		await page.getByRole("spinbutton", { name: "Steps" }).fill("999");
		await page.keyboard.press("Enter");
		await page.getByText("999 is over 150").first().waitFor();
		await page
			.getByRole("button", { name: "Steps: back to the default" })
			.click();
		await page.getByText("DPM++ 2M · 20 steps").waitFor();
		await drawn(page);
	});

	test("pictures are kept over a reload, and a file gives its settings back", async () => {
		const page = await openPage(url);
		await drawn(page);
		const hung = page.locator(".gallery li");
		await hung.first().waitFor();
		const [download] = await Promise.all([
			page.waitForEvent("download"),
			page.getByRole("link", { name: "Save the picture" }).click(),
		]);
		const file = await download.path();
		await page.getByRole("textbox", { name: "Prompt" }).fill("an umbrella");
		await page.getByRole("button", { name: "Another seed" }).click();
		await expect.poll(() => hung.count(), { timeout: 10_000 }).toBe(2);
		// as bytes: Safari's private windows keep no blobs
		expect(await page.evaluate(KEPT_KINDS)).toEqual([
			"ArrayBuffer",
			"ArrayBuffer",
		]);
		await page.reload();
		await drawn(page);
		expect(await hung.count()).toBe(2);
		expect(
			await page.getByRole("textbox", { name: "Prompt" }).inputValue(),
		).toBe("an umbrella");
		// dropped anywhere
		const bytes = readFileSync(file).toString("base64");
		const dataTransfer = await page.evaluateHandle(`(() => {
			const bytes = Uint8Array.from(atob("${bytes}"), (c) => c.charCodeAt(0));
			const data = new DataTransfer();
			data.items.add(new File([bytes], "a.png", { type: "image/png" }));
			return data;
		})()`);
		await page.dispatchEvent("main", "dragover", { dataTransfer });
		await page.getByText("Drop the picture").waitFor();
		await page.dispatchEvent("main", "drop", { dataTransfer });
		await page.getByText("The picture's settings are taken over.").waitFor();
		await page.getByRole("button", { name: "Begin with it" }).waitFor();
		// that can be said while it is drawn
		expect(await page.locator(".frame").getAttribute("data-busy")).toBe("true");
		expect(
			await page.getByRole("textbox", { name: "Prompt" }).inputValue(),
		).toBe("butterfly");
		await drawn(page);
		expect(asked()).toMatchObject({ prompt: "butterfly", seed: 7 });
		await page.getByRole("button", { name: "Show: an umbrella" }).click();
		expect(
			await page.getByRole("textbox", { name: "Prompt" }).inputValue(),
		).toBe("an umbrella");
		await page
			.getByRole("button", { name: "Remove: an umbrella" })
			.first()
			.focus();
		await page.keyboard.press("Enter");
		await expect.poll(() => hung.count()).toBe(1);
	});

	test("a picture that is shown can be saved after it left the gallery; its command line is copied where there is no clipboard", async () => {
		const page = await openPage(url);
		await drawn(page);
		await page.getByLabel("Live").click();
		await page
			.getByRole("button", { name: /^Show:/ })
			.first()
			.click();
		await page
			.getByRole("button", { name: /^Remove:/ })
			.first()
			.click();
		await expect.poll(() => page.locator(".gallery li").count()).toBe(0);
		const [download] = await Promise.all([
			page.waitForEvent("download"),
			page.getByRole("link", { name: "Save the picture" }).click(),
		]);
		expect(await download.failure()).toBeNull();
		// as pages of a server in the local network are, without https
		await page.evaluate(
			'Object.defineProperty(navigator, "clipboard", { value: undefined })',
		);
		await page.getByRole("button", { name: "Copy the command line" }).click();
		await page.getByRole("button", { name: "Copied" }).waitFor();
	});

	test("a finger that scrolls the page over the steps changes none; keys reach them after the plan became shorter", async () => {
		const page = await openPage(url, { width: 390, height: 600 });
		await drawn(page);
		const before = await page.locator(".command code").innerText();
		await step(page, 4).scrollIntoViewIfNeeded();
		const box = await step(page, 4).boundingBox();
		if (!box) throw new Error("the steps cannot be seen");
		const scrolled = await page.evaluate("scrollY");
		const devtools = await page.context().newCDPSession(page);
		await devtools.send("Emulation.setTouchEmulationEnabled", {
			enabled: true,
		});
		const finger = (type: "touchStart" | "touchMove", down: number) =>
			devtools.send("Input.dispatchTouchEvent", {
				type,
				touchPoints: [{ x: box.x + 5, y: box.y + 20 + down }],
			});
		await finger("touchStart", 0);
		for (let down = 15; down <= 120; down += 15)
			await finger("touchMove", down);
		await devtools.send("Input.dispatchTouchEvent", {
			type: "touchEnd",
			touchPoints: [],
		});
		await expect.poll(() => page.evaluate("scrollY")).not.toBe(scrolled);
		await page.waitForTimeout(400);
		expect(await page.locator(".command code").innerText()).toBe(before);

		await step(page, 20).focus();
		await page.getByText("Sampling", { exact: true }).click();
		await page.getByRole("spinbutton", { name: "Steps" }).fill("6");
		await page.keyboard.press("Enter");
		await expect.poll(() => page.locator(".cell").count()).toBe(6);
		expect(
			await page.locator('.cell[tabindex="0"]').getAttribute("aria-label"),
		).toMatch(/^Step 6:/);
		await drawn(page);
	});

	test("a run begins with a picture, and draws anew what is painted", async () => {
		await page.getByText("Pictures from pictures").click();
		await page.getByRole("button", { name: "Use the shown one" }).click();
		await page.getByRole("spinbutton", { name: "Strength" }).waitFor();
		await page.getByText("--init-image picture.png").waitFor();
		await drawn(page);
		expect(asked()?.initImage).toMatchObject({ width: 128, height: 128 });
		await page.getByRole("button", { name: "Paint" }).click();
		const canvas = page.getByRole("application", { name: "Mask" });
		const box = await canvas.boundingBox();
		if (!box) throw new Error("there is nothing to paint on");
		await page.mouse.move(box.x + box.width * 0.4, box.y + box.height * 0.4);
		await page.mouse.down();
		await page.mouse.move(box.x + box.width * 0.6, box.y + box.height * 0.4);
		await page.mouse.up();
		await canvas.focus();
		await page.keyboard.press("ArrowDown");
		await page.keyboard.press(" ");
		await page.getByRole("button", { name: "Done" }).click();
		await page.getByText("--mask mask.png").waitFor();
		await drawn(page);
		const { mask } = asked() ?? {};
		expect(mask).toMatchObject({ width: 128, height: 128 });
		const white = mask ? mask.data.filter((value) => value > 200).length : 0;
		expect(white).toBeGreaterThan(0);
		await page.getByRole("button", { name: "Take out" }).first().click();
		await drawn(page);
		await expect.poll(() => asked()?.initImage).toBeUndefined();
	});

	test("a picture that a run began with, and its mask, outlive a reload", async () => {
		const page = await openPage(url);
		await drawn(page);
		const hung = page.locator(".gallery li");
		await hung.first().waitFor();
		await page.getByText("Pictures from pictures").click();
		await page.getByRole("button", { name: "Use the shown one" }).click();
		await page.getByText("--init-image picture.png").waitFor();
		await page.getByRole("button", { name: "Paint" }).click();
		await page.getByRole("application", { name: "Mask" }).focus();
		await page.keyboard.press(" ");
		await page.getByRole("button", { name: "Done" }).click();
		await page.getByText("--mask mask.png").waitFor();
		await expect.poll(() => hung.count(), { timeout: 10_000 }).toBe(2);
		const begun = asked();
		expect(begun?.mask).toBeDefined();
		await page.reload();
		await page.getByText("--mask mask.png").waitFor();
		await drawn(page);
		expect(asked()?.initImage).toEqual(begun?.initImage);
		expect(asked()?.mask).toEqual(begun?.mask);
		// the other picture began with none, this one did
		const first = page.getByRole("button", { name: /^Show:/ });
		await first.nth(1).click();
		await page.getByText("--mask mask.png").waitFor({ state: "detached" });
		await first.nth(0).click();
		await page.getByText("--mask mask.png").waitFor();
		expect(await hung.count()).toBe(2);
	});

	test("a run is stopped by its button, and the next one begins at once", async () => {
		const page = await openPage(url);
		await drawn(page);
		await page.getByLabel("Live").click();
		await page.getByText("Sampling", { exact: true }).click();
		await page.getByRole("spinbutton", { name: "Steps" }).fill("150");
		await page.locator("summary", { hasText: "Picture" }).first().click();
		for (const side of ["Width", "Height"])
			await page.getByRole("spinbutton", { name: side }).fill("512");
		await page.keyboard.press("Enter");
		const draw = page.getByRole("button", { name: "Draw", exact: true });
		await draw.click();
		await page.getByRole("button", { name: "Stop" }).click();
		await draw.waitFor();
		await expect
			.poll(() => queue.count("running") + queue.count("queued"))
			.toBe(0);
		expect(queue.list("local")[0].state).toBe("cancelled");
		await page.getByRole("spinbutton", { name: "Steps" }).fill("2");
		await page.keyboard.press("Enter");
		await draw.click();
		await expect
			.poll(
				() =>
					queue.list("local").find(({ request }) => request.options.steps === 2)
						?.state,
				{ timeout: 20_000 },
			)
			.toBe("done");
	});

	test("plans that were tuned for the model are chosen by name, and by `auto` with a quality", async () => {
		const embedded = await startServer({ embedded: true });
		const page = await openPage(embedded.url);
		await drawn(page);
		const plans = page.getByRole("group", { name: "Plans" });
		const last = () =>
			embedded.queue
				.list("local")
				.find(({ request }) => request.previewEvery > 0)?.request;
		const tuned = plans.getByRole("button", { name: /^Tuned: / });
		expect(await tuned.count()).toBe(3);
		await tuned.last().click();
		await expect.poll(() => last()?.options.keySteps).toMatch(/times:/);
		await drawn(page);
		expect(await tuned.last().getAttribute("aria-pressed")).toBe("true");
		expect(await tuned.count()).toBe(3);
		expect(last()?.evaluations).toBeLessThan(20);
		await page.getByText("Encoder propagation", { exact: true }).click();
		const quality = page.getByRole("combobox", { name: "Quality" });
		const calls: number[] = [];
		for (const name of ["fast", "high"]) {
			await quality.selectOption(name);
			await expect.poll(() => last()?.options.quality).toBe(name);
			await drawn(page);
			await page.locator(".comparison").waitFor();
			calls.push(last()?.evaluations ?? 0);
			expect(last()?.options.keySteps).toBe("auto");
			// the plain picture beside it has the steps that the plan stands for
			const plain = embedded.queue
				.list("local")
				.find(({ request }) => request.options.keySteps === "all");
			expect(plain?.request.evaluations).toBe(20);
			expect(
				await plans
					.getByRole("button", { name: "Auto" })
					.getAttribute("aria-pressed"),
			).toBe("true");
		}
		expect(calls).toEqual([...calls].sort((a, b) => a - b));
		expect(new Set(calls).size).toBe(2);
	});

	test("a server with keys is opened with one", async () => {
		const locked = await startServer({ keys: [KEY] });
		const page = await openPage(locked.url);
		await page.getByLabel("Key").fill("not-a-key-at-all-1234");
		await page.getByRole("button", { name: "Open" }).click();
		await page.getByText("does not know this key").waitFor();
		await page.getByLabel("Key").fill(KEY);
		await page.keyboard.press("Enter");
		await drawn(page);
		await page.reload();
		await drawn(page);
	});

	test("axe finds nothing serious, wide and narrow, light and dark; nothing is wider than the page", async () => {
		const page = await openPage(url, { bypassCSP: true });
		await drawn(page);
		await page.locator(".gallery li").first().waitFor();
		for (const group of ["Picture", "Sampling", "Pictures from pictures"])
			await page.locator("summary", { hasText: group }).first().click();
		const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
		await page.addScriptTag({ content: readFileSync(axe, "utf8") });
		for (const width of [1440, 390])
			for (const colorScheme of ["light", "dark"] as const) {
				await page.setViewportSize({ width, height: 844 });
				await page.emulateMedia({ colorScheme });
				const { violations } = (await page.evaluate("axe.run()")) as {
					violations: {
						id: string;
						impact: string;
						nodes: { html: string }[];
					}[];
				};
				expect(
					violations
						.filter(({ impact }) => /serious|critical/.test(impact))
						.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html)]),
				).toEqual([]);
				expect(
					await page.evaluate(
						"document.documentElement.scrollWidth - document.documentElement.clientWidth",
					),
				).toBe(0);
			}
	});
});
