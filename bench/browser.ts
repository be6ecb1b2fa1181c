import { join } from "node:path";
import { loadPipeline } from "../src/index.js";
import { bundledSite } from "../test/browser/bundle.js";
import {
	hasChromium,
	openChromium,
	pagesMemory,
} from "../test/browser/chromium.js";
import { openPage } from "../test/browser/openPage.js";
import { serveSite } from "../test/browser/siteServer.js";
import { median, seconds } from "./measure.js";
import { packageFolder } from "./packageFolder.js";
import { printTable } from "./table.js";

const ROUNDS = 7;
const emoji = join(packageFolder, "models", "emoji");
const asked = { prompt: "a red apple", seed: 7, steps: 20 };

/** A picture of the embedded model on WebAssembly in Chromium beside Node, in turns, on one thread and on two. */
export async function browser(): Promise<void> {
	if (!hasChromium) {
		process.stderr.write("there is no Chromium: apt-get install chromium\n");
		return;
	}
	await using site = await bundledSite("drawWorker.ts");
	await using server = await serveSite({
		folders: site.folders,
		isolated: true,
	});
	const rows: string[][] = [];
	for (const threads of [1, 2]) {
		const chromium = await openChromium();
		try {
			await using node = await loadPipeline(emoji, { threads });
			const opened = performance.now();
			const { call } = await openPage(chromium, server.url);
			const draw = async () =>
				(await call<{ seconds: number }>("draw", asked)).seconds;
			await call("load", undefined, { threads });
			await draw();
			const first = (performance.now() - opened) / 1000;
			await node.generate(asked);
			const times: Record<"node" | "wasm", number[]> = { node: [], wasm: [] };
			for (let round = 0; round < ROUNDS; round++) {
				const began = performance.now();
				await node.generate(asked);
				times.node.push((performance.now() - began) / 1000);
				times.wasm.push(await draw());
			}
			rows.push([
				String(threads),
				seconds(times.node),
				seconds(times.wasm),
				(median(times.wasm) / median(times.node)).toFixed(2),
				first.toFixed(1),
				`${((await pagesMemory(chromium)) / 1e6).toFixed(0)} MB`,
			]);
		} finally {
			await chromium.close();
		}
	}
	printTable(
		"A picture of 20 steps of the embedded model: seconds min / median",
		[
			"threads",
			"Node",
			"Chromium, WebAssembly",
			"times",
			"first picture after the page was opened",
			"memory of the page",
		],
		rows,
	);
}
