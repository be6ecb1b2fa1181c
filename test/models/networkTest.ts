import { join } from "node:path";
import type { Graph } from "../../src/graph/graph.js";
import type { IntTensor } from "../../src/runtime/session.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { openDiffusersFolder } from "../../src/weights/folder/diffusersFolder.js";
import type { ModelFiles } from "../../src/weights/folder/modelFiles.js";
import { nodeModelFolder } from "../../src/weights/formats/nodeModelFolder.js";
import { type GoldenArray, readGolden } from "../goldenFile.js";
import { testEngine } from "../runtime/testEngine.js";

/** The networks of the test model `name` in test/models. */
export async function testModel(
	name: string,
	options: { variant?: string } = {},
): Promise<ModelFiles["networks"]> {
	const folder = await nodeModelFolder(join(import.meta.dirname, name));
	return (await openDiffusersFolder(folder, options)).networks;
}

/** Runs a graph once. */
export async function runGraph(
	graph: Graph,
	inputs: Readonly<Record<string, Tensor | IntTensor>>,
): Promise<Record<string, Tensor>> {
	const session = await testEngine.createSession(graph, { threads: 1 });
	try {
		return await session.run(inputs);
	} finally {
		await session.release();
	}
}

/** The arrays of test/golden/networks-NAME.safetensors (made by test/reference/networks.py) whose keys begin with `prefix`, without it. */
export function goldenNetwork(
	name: string,
	prefix: string,
): Record<string, Tensor> {
	const arrays = readGolden(`networks-${name}`);
	const under = [...arrays].filter(([key]) => key.startsWith(prefix));
	if (under.length === 0) throw new Error(`no golden ${prefix} for ${name}`);
	return Object.fromEntries(
		under.map(([key, array]) => [key.slice(prefix.length), floats(array)]),
	);
}

function floats({ dims, data }: GoldenArray): Tensor {
	return { dims, data: Float32Array.from(data) };
}
