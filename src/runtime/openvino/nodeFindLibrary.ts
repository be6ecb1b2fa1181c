import { readdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../errors/userError.js";
import { reasonOf } from "../../files/fileFault.js";
import { OPENVINO_VERSION } from "./nodeWheels.js";

/** Where `engines install openvino` puts it. */
export function installedFolder(): string {
	const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
	return join(
		cache,
		"faster-diffusion",
		"engines",
		`openvino-${OPENVINO_VERSION}`,
	);
}

/** How OpenVINO's C library is called on each system, with or without a version behind it. */
const LIBRARY = /^(lib)?openvino_c(\.so(\.\d+)*|(\.\d+)*\.dylib|\.dll)$/;

/** Where system packages (Intel's, Debian's, Homebrew's, conda's) put libraries. */
const SYSTEM_FOLDERS: Partial<Record<NodeJS.Platform, readonly string[]>> = {
	linux: [
		"/usr/lib/x86_64-linux-gnu",
		"/usr/lib/aarch64-linux-gnu",
		"/usr/lib64",
		"/usr/lib",
		"/usr/local/lib",
	],
	darwin: ["/opt/homebrew/lib", "/usr/local/lib"],
};

/**
 * The path of OpenVINO's C library: in the folder that FDIFF_OPENVINO_DIR names (or its `lib`, `libs` or `runtime/lib/…`), else what
 * `engines install openvino` installed, else the system's. Undefined where there is none, or FDIFF_OPENVINO_DIR is "off".
 * @throws UserError when the folder that was named has none.
 */
export async function findLibrary(): Promise<string | undefined> {
	const named = process.env.FDIFF_OPENVINO_DIR;
	if (named === "off") return undefined;
	if (named) {
		const found = await libraryBelow(named);
		if (found) return found;
		throw new UserError(
			`FDIFF_OPENVINO_DIR: ${named} holds no OpenVINO library (libopenvino_c); name the folder that it lies in, or leave the variable out`,
			{ code: "not_found" },
		);
	}
	const system = SYSTEM_FOLDERS[process.platform] ?? [];
	for (const folder of [installedFolder(), ...conda(), ...system]) {
		const found = await libraryIn(folder);
		if (found) return found;
	}
	return undefined;
}

const conda = () =>
	process.env.CONDA_PREFIX ? [join(process.env.CONDA_PREFIX, "lib")] : [];

async function libraryBelow(folder: string): Promise<string | undefined> {
	const below = [
		...["", "libs", "lib", "runtime/lib/intel64", "runtime/lib/aarch64"],
		...["runtime/lib/arm64", "runtime/bin/intel64/Release", "openvino/libs"],
	];
	try {
		await readdir(folder);
	} catch (cause) {
		throw new UserError(
			`FDIFF_OPENVINO_DIR: ${folder} cannot be read: ${reasonOf(cause)}`,
			{ cause },
		);
	}
	for (const name of below) {
		const found = await libraryIn(join(folder, name));
		if (found) return found;
	}
	return undefined;
}

async function libraryIn(folder: string): Promise<string | undefined> {
	const names = await readdir(folder).catch(() => []);
	const found = names.filter((name) => LIBRARY.test(name)).sort();
	return found.length > 0 ? join(folder, found[found.length - 1]) : undefined;
}
