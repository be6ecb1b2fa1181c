import { createInterface } from "node:readline";
import { buildUnet } from "../src/models/unet.js";
import { parseUnetConfig } from "../src/models/unetConfig.js";
import type { UnetPart } from "../src/models/unetPart.js";
import { onnxRuntime } from "../src/runtime/onnxruntime/nodeOnnxRuntime.js";
import type { Session } from "../src/runtime/session.js";
import { openDiffusersFolder } from "../src/weights/folder/diffusersFolder.js";
import { nodeModelFolder } from "../src/weights/formats/nodeModelFolder.js";
import { peakMemory } from "./measure.js";
import { randomInputs } from "./randomInputs.js";
import { randomModel } from "./randomModel.js";

/**
 * Our UNet as a process that does one run for each line it reads: `PART BATCH SIZE` with PART `encoder` or `decoder` or `both` (one after the
 * other, as a key step does). Answers with seconds and its peak resident memory in bytes. Loading is not counted.
 */
const parts: Readonly<Record<string, readonly UnetPart[]>> = {
	encoder: [{ encoder: "full", decoder: "none" }],
	decoder: [{ encoder: "none", decoder: "full" }],
	both: [
		{ encoder: "full", decoder: "none" },
		{ encoder: "none", decoder: "full" },
	],
};

const {
	networks: { unet },
} = await openDiffusersFolder(await nodeModelFolder(await randomModel()), {});
const config = parseUnetConfig(unet.config);
const sessions = new Map<string, Session>();
process.stdout.write("ready\n");
for await (const line of createInterface({ input: process.stdin })) {
	const [name, batch, size] = line.split(" ");
	const dims = {
		batch: Number(batch),
		height: Number(size),
		width: Number(size),
		tokens: 77,
	};
	let seconds = 0;
	for (const part of parts[name]) {
		const key = JSON.stringify(part);
		let session = sessions.get(key);
		if (!session) {
			session = await onnxRuntime.createSession(
				buildUnet(config, unet.weights, part, dims),
			);
			sessions.set(key, session);
		}
		const inputs = randomInputs(config, dims);
		const started = performance.now();
		await session.run(inputs);
		seconds += (performance.now() - started) / 1000;
	}
	process.stdout.write(`${seconds} ${peakMemory()}\n`);
}
for (const session of sessions.values()) await session.release();
