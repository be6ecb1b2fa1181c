import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { arch, cpus, hostname, platform, totalmem } from "node:os";
import { sha256 } from "../../files/nodeSha256.js";
import type { NetworkOptions } from "../../pipeline/networks.js";
import type { MachineRecord } from "./record.js";

/** The machine that this process runs on, with the versions that its results come from. */
export function thisMachine({
	device = "cpu",
	threads,
}: NetworkOptions): MachineRecord {
	const [processor] = cpus();
	const facts = {
		processor: processor?.model.trim() ?? "unknown",
		cores: cpus().length,
		memory: totalmem(),
		platform: `${platform()} ${arch()}`,
		device,
		...(threads === undefined ? {} : { threads }),
		node: process.versions.node,
		runtime: versionOf("onnxruntime-node"),
		program: ownVersion(),
	};
	return {
		kind: "machine",
		id: sha256(JSON.stringify([hostname(), facts])).slice(0, 8),
		...facts,
	};
}

function versionOf(name: string): string {
	try {
		const { version } = createRequire(import.meta.url)(
			`${name}/package.json`,
		) as { version: string };
		return `${name} ${version}`;
	} catch {
		return name;
	}
}

function ownVersion(): string {
	const file = new URL("../../../package.json", import.meta.url);
	const { version } = JSON.parse(readFileSync(file, "utf8")) as {
		version: string;
	};
	return version;
}
