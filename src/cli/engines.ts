import type { Command } from "commander";
import { UserError } from "../errors/userError.js";
import type { Engine } from "../runtime/engine.js";
import { onnxRuntime } from "../runtime/onnxruntime/nodeOnnxRuntime.js";
import {
	installOpenVino,
	removeOpenVino,
} from "../runtime/openvino/nodeInstall.js";
import { openVino } from "../runtime/openvino/nodeOpenVino.js";
import { OPENVINO_VERSION } from "../runtime/openvino/nodeWheels.js";
import { interruptSignal } from "./interrupt.js";

const EXAMPLES = `
Examples:
  $ fdiff engines list
  $ fdiff engines install openvino                        pip fetches it (59 MB), nothing of it is run by Python
  $ fdiff engines install openvino --from FILE.whl        without network
  $ fdiff engines remove openvino

ONNX Runtime comes with the package. OpenVINO is found in FDIFF_OPENVINO_DIR (a folder, or "off"), where "engines install"
put it, or among the system's libraries.`;

interface ListFlags {
	readonly json?: boolean;
}

interface InstallFlags {
	readonly from?: string;
	readonly quiet?: boolean;
}

/** Adds `engines list|install|remove` to the program. */
export function addEnginesCommand(program: Command): void {
	const engines = program
		.command("engines")
		.description("what networks run in: list, install, remove")
		.helpCommand(false)
		.addHelpText("after", EXAMPLES);
	engines
		.command("list")
		.description(
			"the engines that are here, their devices and native precisions",
		)
		.option("--json", "one JSON object a line")
		.action((flags: ListFlags) => list(flags));
	engines
		.command("install")
		.description("install an engine into the cache")
		.argument("<engine>", "openvino")
		.option("--from <file.whl>", "a wheel that was fetched before")
		.option("--quiet", "no words")
		.addHelpText("after", EXAMPLES)
		.action((name: string, flags: InstallFlags) => install(name, flags));
	engines
		.command("remove")
		.description("remove what was installed into the cache")
		.argument("<engine>", "openvino")
		.action((name: string) => remove(name));
}

interface Listed {
	readonly name: string;
	readonly version?: string;
	readonly path?: string;
	readonly devices?: Readonly<Record<string, readonly string[]>>;
	/** Why it cannot be used. */
	readonly problem?: string;
}

async function list({ json }: ListFlags): Promise<void> {
	const listed: Listed[] = [await described(onnxRuntime)];
	try {
		const found = await openVino();
		listed.push(
			found
				? await described(found)
				: {
						name: "openvino",
						problem: 'not installed; "fdiff engines install openvino"',
					},
		);
	} catch (error) {
		const problem = error instanceof Error ? error.message : String(error);
		listed.push({ name: "openvino", problem });
	}
	for (const engine of listed)
		process.stdout.write(`${json ? JSON.stringify(engine) : words(engine)}\n`);
}

async function described(
	engine: Engine & { readonly path?: string },
): Promise<Listed> {
	const devices: Record<string, readonly string[]> = {};
	for (const device of await engine.devices())
		devices[device] = await engine.precisions(device);
	return {
		name: engine.name,
		version: engine.version,
		path: engine.path,
		devices,
	};
}

function words({ name, version, path, devices, problem }: Listed): string {
	if (problem) return `${name}  ${problem}`;
	const has = Object.entries(devices ?? {})
		.map(([device, precisions]) => `${device} (${precisions.join(", ")})`)
		.join(", ");
	return `${name}  ${version ?? ""}  ${has}${path ? `  ${path}` : ""}`;
}

async function install(name: string, flags: InstallFlags): Promise<void> {
	checkName(name);
	const folder = await installOpenVino({
		from: flags.from,
		signal: interruptSignal(),
		onStage: (stage) => {
			if (!flags.quiet) process.stderr.write(`${stage}\n`);
		},
	});
	process.stdout.write(`${folder}\n`);
}

async function remove(name: string): Promise<void> {
	checkName(name);
	const removed = await removeOpenVino();
	process.stderr.write(
		removed
			? `OpenVINO ${OPENVINO_VERSION} is removed\n`
			: "OpenVINO was not installed\n",
	);
}

/** @throws UserError unless it is an engine that can be installed. */
function checkName(name: string): void {
	if (name !== "openvino")
		throw new UserError(
			name === "onnxruntime"
				? "onnxruntime comes with the package; only openvino is installed and removed"
				: `there is no engine ${name}; openvino can be installed`,
			{ code: "usage" },
		);
}
