// Writes src/runtime/selfCheck/expectedValues.ts: what ONNX Runtime computes on a CPU for the layers of checkGraph.ts. After `npm run build`.
import { writeFile } from "node:fs/promises";
import { defaultFlavour } from "../dist/graph/graphFlavour.js";
import { onnxRuntime } from "../dist/runtime/onnxruntime/nodeOnnxRuntime.js";
import {
	checkedParts,
	checkGraph,
	checkInputs,
} from "../dist/runtime/selfCheck/checkGraph.js";
import { sampled } from "../dist/runtime/selfCheck/selfCheck.js";

const outputs = {};
for (const part of checkedParts) {
	const graph = checkGraph(defaultFlavour, part);
	const session = await onnxRuntime.createSession(graph, { threads: 1 });
	Object.assign(outputs, await session.run(checkInputs()));
	await session.release();
}
const lines = Object.entries(outputs).map(
	([family, output]) =>
		`\t${JSON.stringify(family)}: [\n${sampled(output)
			.map((value) => `\t\t${Number(value.toPrecision(6))},\n`)
			.join("")}\t],\n`,
);
await writeFile(
	new URL("../src/runtime/selfCheck/expectedValues.ts", import.meta.url),
	`/** How many values of each output are kept. */
export const VALUES = 16;

/** Values of each layer of checkGraph.ts, computed by ONNX Runtime on a CPU (scripts/write-self-check.mjs). */
export const expectedValues: Readonly<Record<string, readonly number[]>> = {
${lines.join("")}};
`,
);
