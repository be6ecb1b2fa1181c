import { createRequire } from "node:module";
import { OptionError } from "../../errors/optionError.js";
import { UserError } from "../../errors/userError.js";
import type { Graph } from "../../graph/graph.js";
import { defaultFlavour, type GraphFlavour } from "../../graph/graphFlavour.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Engine } from "../engine.js";
import {
	checkedParts,
	selfCheck,
	wrongLayers,
} from "../selfCheck/selfCheck.js";
import {
	type Device,
	devices,
	type Session,
	type SessionOptions,
} from "../session.js";
import { firstLine, sessionError } from "../sessionError.js";
import { callRuntime } from "./nodeCallRuntime.js";
import { weightAccess } from "./nodeWeightAccess.js";
import { sentInputs } from "./sentInputs.js";

/** ONNX Runtime, which comes with the package. It works in a thread of its own. */
export const onnxRuntime: Engine = {
	name: "onnxruntime",
	version: (
		createRequire(import.meta.url)("onnxruntime-node/package.json") as {
			version: string;
		}
	).version,
	devices: availableDevices,
	precisions: async () => ["float32"],
	flavour: flavourOf,
	gainsFromBatches: (device) => device !== "cpu",
	createSession,
};

let sessions = 0;

/** WebGPU has no FusedMatMul, so that each would be computed on the CPU, and its sines are inexact. */
function flavourOf({ device = "cpu" }: SessionOptions = {}): GraphFlavour {
	return device === "webgpu"
		? { ...defaultFlavour, linearWeights: "transposed", sinusoids: "input" }
		: defaultFlavour;
}

async function createSession(
	graph: Graph,
	options: SessionOptions = {},
): Promise<Session> {
	await checkOptions(options);
	if (options.device === "webgpu") {
		webGpuChecked ??= checkWebGpu();
		await webGpuChecked;
	}
	return loadSession(graph, options);
}

let webGpuChecked: Promise<void> | undefined;

/** @throws OptionError when this machine's graphics device computes wrongly: drivers differ, and no picture would say so. */
async function checkWebGpu(): Promise<void> {
	const engine = { flavour: flavourOf, createSession: loadSession };
	for (const part of checkedParts) {
		const check = await selfCheck(engine, part, { device: "webgpu" });
		if (check.wrong.length > 0)
			throw new OptionError(
				"device",
				`this machine's graphics device computes ${wrongLayers(check)} wrongly: choose cpu, or update its driver`,
			);
	}
}

async function loadSession(
	graph: Graph,
	options: SessionOptions = {},
): Promise<Session> {
	const { device = "cpu", threads, optimization = "all" } = options;
	// not the graph itself, which is large
	const { label, inputs: names, outputs } = graph;
	const { model, folder, bytes } = await weightAccess(graph);
	const session = sessions++;
	await callRuntime("create", {
		session,
		model,
		folder,
		bytes,
		device,
		threads,
		optimization,
	}).catch((cause: unknown) => {
		const error = sessionError(cause, `${label}: cannot be loaded`);
		// a build that knows a device does not say whether the machine has it
		throw device !== "cpu" &&
			error instanceof UserError &&
			error.code === "unsupported"
			? new OptionError(
					"device",
					`${device} cannot be used on this machine; choose another, such as cpu (${firstLine(String(cause))})`,
					{ cause },
				)
			: error;
	});

	let released = false;
	return {
		inputs: names,
		outputs,
		async run(inputs) {
			if (released)
				throw new UserError(`${label} was released and cannot run`, {
					code: "disposed",
				});
			const { sent, moved } = await sentInputs(label, names, inputs);
			const results = await callRuntime(
				"run",
				{ session, inputs: sent, outputs },
				moved,
			).catch((cause: unknown) => {
				throw sessionError(cause, `${label}: cannot run`);
			});
			return results as Record<string, Tensor>;
		},
		async release() {
			if (released) return;
			released = true;
			await callRuntime("release", { session });
		},
	};
}

async function availableDevices(): Promise<readonly Device[]> {
	const has = await callRuntime("devices", {});
	return devices.filter((device) => has.includes(device));
}

/** @throws OptionError when there is no such device here, or it does not compute in the precision. */
async function checkOptions({
	device = "cpu",
	precision = "float32",
}: SessionOptions): Promise<void> {
	const available = await availableDevices();
	if (!available.includes(device))
		throw new OptionError(
			"device",
			`this installation of ONNX Runtime has no device ${device} on ${process.platform} ${process.arch}; choose one of ${available.join(", ")}`,
		);
	if (precision !== "float32")
		throw new OptionError(
			"precision",
			`ONNX Runtime computes in float32 here, not in ${precision}`,
		);
}
