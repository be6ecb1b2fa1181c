// Draws docs/images/pictures.png with the README's own commands (those with a remark, which stands over the picture), and
// docs/images/previews.png with the library. `npm run build` first; run again when weights or defaults change.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { contactSheet } from "../dist/image/nodeContactSheet.js";
import { readImage, writeImage } from "../dist/image/nodeImageFile.js";
import { placeImage } from "../dist/image/placeImage.js";
import { loadPipeline } from "../dist/index.js";

const root = join(import.meta.dirname, "..");
const images = join(root, "docs/images");
const folder = mkdtempSync(join(tmpdir(), "fdiff-pictures-"));
const env = {
	...process.env,
	PATH: `${join(root, "scripts/bin")}${delimiter}${process.env.PATH}`,
};

const readme = readFileSync(join(root, "README.md"), "utf8");
const block = [...readme.matchAll(/^```sh\n([\s\S]*?)^```/gm)]
	.map(([, lines]) => lines)
	.find((lines) => lines.includes("--init-image"));
const cells = [];
for (const line of block.trim().split("\n")) {
	const [command, remark] = line.split(/\s+#\s+/);
	const { status, stderr } = spawnSync("bash", ["-c", command], {
		cwd: folder,
		env,
		encoding: "utf8",
	});
	if (status !== 0) throw new Error(`${command}: ${stderr}`);
	const output = /--output (\S+)/.exec(command)?.[1];
	if (remark && output)
		cells.push({
			image: await readImage(join(folder, output)),
			above: [remark],
			below: [command.replace(/^fdiff | --output \S+$/g, "")],
		});
}
const sheet = await contactSheet(cells, { columns: 4 });
await writeImage(join(images, "pictures.png"), sheet);
rmSync(folder, { recursive: true });

const pipeline = await loadPipeline();
const options = { prompt: "grinning face", seed: 7, previewEvery: 1 };
const steps = pipeline.settings(options).evaluations;
const shown = [1, 3, 6, 9, steps - 1];
const previews = [];
for await (const event of pipeline.stream(options)) {
	if (event.kind === "step" && shown.includes(event.step.index + 1))
		previews.push({
			image: placeImage({ ...event.preview, channels: 3 }, 128, 128, "stretch"),
			below: [`step ${event.step.index + 1} of ${steps}`],
		});
	if (event.kind === "image")
		previews.push({ image: event.result.image, below: ["the picture"] });
}
await pipeline.release();
await writeImage(
	join(images, "previews.png"),
	await contactSheet(previews, { columns: 6, minWidth: 128 }),
);
