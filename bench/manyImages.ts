// Memory of a run of many small images: npx tsc -p tsconfig.bench.json && node --expose-gc dist-bench/bench/manyImages.js MODEL COUNT [all|one]
// "one" lets the networks make room for each other (keepResident: false).
import { loadPipeline } from "../src/pipeline/nodeLoadPipeline.js";

const [model, count = "10000", networks = "all"] = process.argv.slice(2);
const pipeline = await loadPipeline(model, {
	keepResident: networks === "all",
	threads: 1,
});
const numImages = Number(count);
const started = performance.now();
let images = 0;
for await (const event of pipeline.stream({
	prompt: "a red apple",
	width: 64,
	height: 64,
	steps: 1,
	seed: 1,
	keySteps: "all",
	numImages,
})) {
	if (event.kind !== "image" || ++images % Math.ceil(numImages / 10) > 0)
		continue;
	for (let n = 0; n < 3; n++) {
		await new Promise((resolve) => setTimeout(resolve, 50));
		globalThis.gc?.();
	}
	const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
	const mebibytes = [rss, heapUsed, arrayBuffers].map((bytes) =>
		(bytes / 2 ** 20).toFixed(1),
	);
	const seconds = (performance.now() - started) / 1000;
	console.log(
		`${images} images, ${seconds.toFixed(0)} s: rss ${mebibytes[0]} MiB, heap ${mebibytes[1]}, arrays ${mebibytes[2]}`,
	);
}
