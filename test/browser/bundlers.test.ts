import { execFile } from "node:child_process";
import {
	cp,
	mkdir,
	mkdtemp,
	readFile,
	rm,
	symlink,
	writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { build as esbuild } from "esbuild";
import type { Browser } from "playwright-core";
import { build as vite } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hasChromium, openChromium } from "./chromium.js";
import { serveSite } from "./siteServer.js";

const root = join(import.meta.dirname, "..", "..");
let project: string;
let browser: Browser;

/** A project that has the package and the runtime beside it, with the files of examples/browser. */
beforeAll(async () => {
	if (!hasChromium) return;
	project = await mkdtemp(join(tmpdir(), "fdiff-bundler-"));
	await cp(join(root, "examples/browser"), project, { recursive: true });
	await mkdir(join(project, "node_modules"));
	await symlink(root, join(project, "node_modules", "faster-diffusion"));
	await symlink(
		join(root, "node_modules", "onnxruntime-web"),
		join(project, "node_modules", "onnxruntime-web"),
	);
	await writeFile(join(project, "package.json"), '{ "type": "module" }');
	browser = await openChromium();
});
afterAll(async () => {
	await browser?.close();
	if (project) await rm(project, { recursive: true, force: true });
});

/** That the example's page, which lies in a folder, draws. */
async function expectDraws(
	folders: Readonly<Record<string, string>>,
): Promise<void> {
	await using server = await serveSite({ folders });
	const page = await browser.newPage();
	await page.goto(`${server.url}/`);
	await page.getByRole("button").click();
	const told = page.locator("output");
	await told.filter({ hasText: /^(?!step|loading)./ }).waitFor({
		timeout: 90_000,
	});
	expect(await told.innerText()).toBe("done");
	expect(
		await page.evaluate(() => document.querySelector("img")?.naturalWidth),
	).toBe(128);
	await page.close();
}

test.skipIf(!hasChromium)("vite builds the example, which draws", async () => {
	const outDir = join(project, "vite");
	await vite({
		root: project,
		configFile: join(project, "vite.config.ts"),
		logLevel: "error",
		build: { outDir, emptyOutDir: true },
	});
	await expectDraws({ "": outDir });
});

test.skipIf(!hasChromium)(
	"esbuild bundles it; runtime and model are served beside",
	async () => {
		const outdir = join(project, "esbuild");
		await cp(join(project, "index.html"), join(outdir, "index.html"));
		const worker = join(project, "esbuildWorker", "worker.js");
		await mkdir(join(project, "esbuildWorker"));
		await writeFile(
			worker,
			(await readFile(join(project, "worker.js"), "utf8")).replace(
				"loadPipeline()",
				'loadPipeline("/models/emoji/", { runtimeFiles: "/ort/" })',
			),
		);
		await esbuild({
			entryPoints: [join(project, "page.js"), worker],
			entryNames: "[name]",
			absWorkingDir: project,
			outdir,
			bundle: true,
			splitting: true,
			minify: true,
			format: "esm",
			logLevel: "error",
		});
		await expectDraws({
			"": outdir,
			models: join(root, "models"),
			ort: join(root, "node_modules/onnxruntime-web/dist"),
		});
	},
);

/** What is used of webpack. */
type Webpack = (
	config: object,
	done: (
		error: Error | null,
		stats?: { hasErrors(): boolean; toString(options: object): string },
	) => void,
) => { close(done: () => void): void };

// it is installed for the test, from the registry
test.skipIf(!hasChromium || !process.env.FDIFF_TEST_ALL)(
	"webpack builds it, which draws",
	async () => {
		const tool = join(project, "webpack-itself");
		await mkdir(tool);
		await promisify(execFile)(
			"npm",
			["install", "--prefix", tool, "--no-audit", "--no-fund", "webpack@5"],
			{ cwd: tool },
		);
		const path = join(project, "webpack");
		const module = (await import(
			pathToFileURL(join(tool, "node_modules/webpack/lib/index.js")).href
		)) as { default: Webpack };
		await new Promise<void>((resolve, reject) => {
			const compiler = module.default(
				{
					mode: "production",
					context: project,
					entry: "./page.js",
					output: { path, filename: "page.js" },
				},
				(error, stats) => {
					if (error || stats?.hasErrors())
						reject(
							error ?? new Error(stats?.toString({ all: false, errors: true })),
						);
					else compiler.close(() => resolve());
				},
			);
		});
		await cp(join(project, "index.html"), join(path, "index.html"));
		await expectDraws({ "": path });
	},
	300_000,
);
