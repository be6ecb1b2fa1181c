import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const PATH = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Whether this machine has the browser that the tests open. */
export const hasChromium = existsSync(PATH);

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
		executablePath: PATH,
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
