import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, expect } from "vitest";

const executablePath = [
	process.env.CHROMIUM,
	"/usr/bin/chromium",
	"/usr/bin/chromium-browser",
	"/usr/bin/google-chrome",
	"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
].find((path) => path !== undefined && existsSync(path));
if (!executablePath)
	console.warn(
		"there is no Chromium: the page is not tested; apt-get install chromium, or say where it is with CHROMIUM",
	);

/** Whether there is a browser to test the page in. */
export const hasBrowser = executablePath !== undefined;

let browser: Promise<Browser> | undefined;
const complaints: string[] = [];

interface PageOptions {
	readonly width?: number;
	readonly height?: number;
	readonly dark?: boolean;
	/** Lets tests put scripts into the page. */
	readonly bypassCSP?: boolean;
}

/** A page of a visitor who was never there before; what the browser complains of fails the test in `assertNoComplaints`. */
export async function openPage(
	url: string,
	{ width = 1440, height = 900, dark = false, bypassCSP }: PageOptions = {},
): Promise<Page> {
	browser ??= chromium.launch({ executablePath, args: ["--no-sandbox"] });
	const context = await (await browser).newContext({
		viewport: { width, height },
		colorScheme: dark ? "dark" : "light",
		reducedMotion: "reduce",
		bypassCSP,
	});
	const page = await context.newPage();
	page.on("pageerror", (error) => complaints.push(String(error)));
	page.on("console", (message) => {
		if (!/error|warning/.test(message.type())) return;
		// answers of 400 and the like are told of too
		if (!message.text().startsWith("Failed to load resource"))
			complaints.push(message.text());
	});
	await page.goto(url);
	return page;
}

/** Nothing was thrown, and nothing was against the server's policy. */
export function assertNoComplaints(): void {
	expect(complaints.splice(0)).toEqual([]);
}

if (hasBrowser)
	afterAll(async () => {
		await (await browser)?.close();
	});
