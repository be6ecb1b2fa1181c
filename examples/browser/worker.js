// The worker: loads the model that comes with the package, and draws; the page stays free meanwhile.
import { loadPipeline } from "faster-diffusion";

const loading = loadPipeline();

addEventListener("message", async ({ data: options }) => {
	try {
		const pipeline = await loading;
		for await (const event of pipeline.stream(options)) {
			if (event.kind === "step") postMessage({ step: event.step.index + 1 });
			if (event.kind === "image")
				postMessage({ png: await event.result.encode("png") });
		}
	} catch (error) {
		postMessage({ error: error.message });
	}
});
