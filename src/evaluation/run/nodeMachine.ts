import { arch, cpus, hostname, platform, totalmem } from "node:os";
import { packageVersion } from "../../files/nodePackageVersion.js";
import { sha256 } from "../../files/nodeSha256.js";
import type { NetworkOptions } from "../../pipeline/networks.js";
import type { Pipeline } from "../../pipeline/pipeline.js";
import type { MachineRecord } from "./record.js";

/** The machine that this process runs on, with the versions that its results come from. */
export function thisMachine(
	{ device = "cpu", threads }: Pick<NetworkOptions, "device" | "threads">,
	{ engine, engineVersion }: Pick<Pipeline, "engine" | "engineVersion">,
): MachineRecord {
	const [processor] = cpus();
	const facts = {
		processor: processor?.model.trim() ?? "unknown",
		cores: cpus().length,
		memory: totalmem(),
		platform: `${platform()} ${arch()}`,
		device,
		...(threads === undefined ? {} : { threads }),
		node: process.versions.node,
		// the package that it is part of
		runtime: `${engine === "onnxruntime" ? "onnxruntime-node" : engine} ${engineVersion}`,
		program: packageVersion(),
	};
	return {
		kind: "machine",
		id: sha256(JSON.stringify([hostname(), facts])).slice(0, 8),
		...facts,
	};
}
