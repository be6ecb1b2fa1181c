import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContext, chromium } from "playwright-core";

/** Where it is. */
export const chromiumPath = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Whether this machine has the browser that the tests open. */
export const hasChromium = existsSync(chromiumPath);

/**
 * A real Chromium, without a window.
 * @param webgpu with the graphics device that Chromium computes itself
 */
export function openChromium({
	webgpu = false,
	args = [],
}: {
	readonly webgpu?: boolean;
	readonly args?: readonly string[];
} = {}): Promise<Browser> {
	return chromium.launch({
		executablePath: chromiumPath,
		args: [
			"--no-sandbox",
			"--disable-dev-shm-usage",
			...(webgpu
				? ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"]
				: []),
			...args,
		],
	});
}

/** A Chromium whose user lets no page keep anything: no cookies, no files, no caches. */
export async function openWithoutStorage(): Promise<
	AsyncDisposable & { readonly context: BrowserContext }
> {
	const profile = await mkdtemp(join(tmpdir(), "fdiff-profile-"));
	await mkdir(join(profile, "Default"));
	const BLOCKED = 2;
	await writeFile(
		join(profile, "Default", "Preferences"),
		JSON.stringify({
			profile: { default_content_setting_values: { cookies: BLOCKED } },
		}),
	);
	const context = await chromium.launchPersistentContext(profile, {
		executablePath: chromiumPath,
		args: ["--no-sandbox", "--disable-dev-shm-usage"],
	});
	return {
		context,
		async [Symbol.asyncDispose]() {
			await context.close();
			await rm(profile, { recursive: true, force: true });
		},
	};
}

/** Bytes of memory of its own that the process of a browser's pages has. */
export async function pagesMemory(browser: Browser): Promise<number> {
	const devtools = await browser.newBrowserCDPSession();
	const { processInfo } = await devtools.send("SystemInfo.getProcessInfo");
	await devtools.detach();
	let most = 0;
	for (const { id, type } of processInfo) {
		if (type !== "renderer") continue;
		const status = await readFile(`/proc/${id}/status`, "utf8");
		const [, kibibytes] = /^RssAnon:\s+(\d+) kB/m.exec(status) ?? [];
		most = Math.max(most, 1024 * Number(kibibytes ?? 0));
	}
	return most;
}
