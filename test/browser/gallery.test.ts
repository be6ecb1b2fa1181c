import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { type BrowserContext, chromium } from "playwright-core";
import { expect, test } from "vitest";
import { chromiumPath, hasChromium } from "./chromium.js";
import { serveSite } from "./siteServer.js";

const root = join(import.meta.dirname, "..", "..");
/** In the page: keeps pictures of these names, large enough to lie in files of their own; the numbers they got. */
const keep = (names: readonly string[]) => `(async () => {
	const store = globalThis.galleryStore();
	const ids = [];
	for (const parameters of ${JSON.stringify(names)}) {
		const bytes = new Uint8Array(200_000);
		for (let at = 0; at < bytes.length; at += 50_000)
			crypto.getRandomValues(bytes.subarray(at, at + 50_000));
		const { id } = await store.keep({ png: new Blob([bytes]), parameters, options: {}, asked: {} });
		ids.push(id);
	}
	return [ids, (await store.all()).map(({ parameters }) => parameters)];
})()`;
/** What a page that is opened anew finds. */
const found =
	"(async () => (await globalThis.galleryStore().all()).map(({ parameters }) => parameters))()";

test.skipIf(!hasChromium)(
	"pictures outlive one that the browser lost, and a disk that is full when one is written",
	async () => {
		const folder = await mkdtemp(join(tmpdir(), "fdiff-gallery-"));
		const profile = join(folder, "profile");
		const { outputFiles } = await build({
			stdin: {
				contents:
					'import { galleryStore } from "./web/src/gallery/galleryStore.ts"; Object.assign(globalThis, { galleryStore });',
				resolveDir: root,
			},
			bundle: true,
			format: "esm",
			write: false,
		});
		await writeFile(join(folder, "gallery.js"), outputFiles[0].text);
		await writeFile(
			join(folder, "index.html"),
			'<!doctype html><title>test</title><script type="module" src="gallery.js"></script>',
		);
		await using server = await serveSite({ folders: { "": folder } });
		let context: BrowserContext | undefined;
		const opened = async () => {
			await context?.close();
			context = await chromium.launchPersistentContext(profile, {
				executablePath: chromiumPath,
				args: ["--no-sandbox", "--disable-dev-shm-usage"],
			});
			const page = await context.newPage();
			await page.goto(server.url);
			await page.waitForFunction("globalThis.galleryStore");
			return page;
		};
		try {
			let page = await opened();
			const names = ["a", "b", "c", "d"];
			expect(await page.evaluate(keep(names))).toEqual([
				[1, 2, 3, 4],
				names.toReversed(),
			]);

			// a browser tells of a full disk when all is written, after the answer
			await page.evaluate(`(() => {
				const add = IDBObjectStore.prototype.add;
				let full = 1;
				IDBObjectStore.prototype.add = function (...picture) {
					const request = add.apply(this, picture);
					if (full-- > 0)
						request.addEventListener("success", () => this.transaction.abort());
					return request;
				};
			})()`);
			// the oldest made room
			expect(await page.evaluate(keep(["e"]))).toEqual([
				[expect.any(Number)],
				["e", "d", "c"],
			]);
			expect(await page.evaluate(found)).toEqual(["e", "d", "c"]);

			await context?.close();
			context = undefined;
			const database = join(profile, "Default", "IndexedDB");
			const [lost] = (
				await readdir(database, { recursive: true, withFileTypes: true })
			)
				.filter((file) => file.isFile() && /\.blob\b/.test(file.parentPath))
				.map((file) => join(file.parentPath, file.name));
			await rm(lost);
			page = await opened();
			expect(await page.evaluate(found)).toHaveLength(2);
		} finally {
			await context?.close();
			await rm(folder, { recursive: true, force: true });
		}
	},
);
