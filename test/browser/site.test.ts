import { execFile } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasChromium, openChromium, openWithoutStorage } from "./chromium.js";
import { longestTask, TASKS } from "./longestTask.js";
import { serveSite } from "./siteServer.js";

const root = join(import.meta.dirname, "..", "..");
let folder: string;
let site: string;

beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), "fdiff-site-"));
	site = join(folder, "site");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe.skipIf(!hasChromium)("the page that draws by itself", () => {
	test("is built into a folder, and draws from any static host, in threads, without network, without long tasks", async () => {
		const { stdout } = await promisify(execFile)(process.execPath, [
			join(root, "scripts/build-site.mjs"),
			site,
		]);
		expect(Number(/([\d.]+) MB/.exec(stdout)?.[1])).toBeLessThan(50);
		for (const name of readdirSync(join(site, "assets")))
			expect(name).toMatch(/-[\w-]{8}\.\w+$/);

		// below a folder, as GitHub Pages has it
		const server = await serveSite({ folders: { me: site } });
		const browser = await openChromium();
		try {
			const context = await browser.newContext();
			const page = await context.newPage();
			await browser.startTracing(page, { categories: TASKS });
			await page.goto(`${server.url}/me/`);
			const prompt = page.getByRole("textbox").first();
			await prompt.waitFor({ timeout: 60_000 });
			expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
			await prompt.fill("a red apple");
			const picture = page.locator('img[src^="blob:"]').first();
			await picture.waitFor({ timeout: 90_000 });
			// a run that nobody wants any more ends, and the next is drawn
			await page.getByLabel("Live").uncheck({ force: true });
			await prompt.fill("a green pear");
			await page.getByRole("button", { name: "Draw" }).click();
			await page.getByRole("button", { name: "Stop" }).click();
			await page
				.getByRole("button", { name: "Draw" })
				.waitFor({ timeout: 5_000 });

			const longest = longestTask(
				await browser.stopTracing(),
				`${server.url}/me/`,
			);
			console.log(`longest task of the page: ${longest.toFixed(0)} ms`);
			expect(longest).toBeLessThan(50);

			// whatever it needed is kept
			await server.close();
			const again = await context.newPage();
			await again.goto(`${server.url}/me/`);
			await again.getByRole("textbox").first().waitFor({ timeout: 60_000 });
		} finally {
			await browser.close();
			await server.close();
		}
	}, 300_000);
});

test.skipIf(!hasChromium)(
	"the page draws for a user who lets no page keep anything",
	async () => {
		await using server = await serveSite({ folders: { me: site } });
		await using denied = await openWithoutStorage();
		const page = await denied.context.newPage();
		const errors: string[] = [];
		page.on("pageerror", ({ message }) => errors.push(message));
		await page.goto(`${server.url}/me/`);
		await page
			.locator('img[src^="blob:"]')
			.first()
			.waitFor({ timeout: 90_000 });
		expect(errors).toEqual([]);
	},
	120_000,
);

test.skipIf(!hasChromium)(
	"after a release the page is the new one, and what has not changed is still there without network",
	async () => {
		const server = await serveSite({ folders: { me: site } });
		const browser = await openChromium();
		const change = (name: string, from: string, to: string) => {
			const file = join(site, name);
			writeFileSync(file, readFileSync(file, "utf8").replace(from, to));
		};
		try {
			const context = await browser.newContext();
			const page = await context.newPage();
			const picture = page.locator('img[src^="blob:"]').first();
			const visit = async () => {
				await page.goto(`${server.url}/me/`);
				await picture.waitFor({ timeout: 90_000 });
			};
			await visit();
			change(
				"index.html",
				"</head>",
				'<meta name="release" content="2" /></head>',
			);
			change("service-worker.js", 'VERSION = "', 'VERSION = "2');
			const released = async () => {
				await visit();
				return page.locator('meta[name="release"]').count();
			};
			await expect.poll(released, { timeout: 60_000 }).toBe(1);
			await server.close();
			// its network and its weights too, which the second version never fetched
			await visit();
		} finally {
			await browser.close();
			await server.close();
		}
	},
	300_000,
);
