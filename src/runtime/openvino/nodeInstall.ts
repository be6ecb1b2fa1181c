import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { UserError } from "../../errors/userError.js";
import { cannotWrite, reasonOf } from "../../files/fileFault.js";
import { digestFile } from "../../files/nodeDigestFile.js";
import { makeFolder } from "../../files/nodeMakeFolder.js";
import { writeWhole } from "../../files/nodeWriteWhole.js";
import { openZip, type ZipArchive } from "../../zip/nodeZipArchive.js";
import { installedFolder } from "./nodeFindLibrary.js";
import { loadLibrary } from "./nodeLibrary.js";
import {
	OPENVINO_VERSION,
	PIP_PLATFORMS,
	thisPlatform,
	WHEEL_DIGESTS,
} from "./nodeWheels.js";

/** Libraries of a wheel that are not needed: Python's own, and readers of formats that are not ours. */
const NEEDED = /^openvino\/libs\/[^/]+$/;
const UNNEEDED =
	/_(gguf|ir|jax|paddle|pytorch|tensorflow|tensorflow_lite)_frontend|tbbmalloc_proxy|\.(pc|lib|cmake)$/;
const LICENSES = /^openvino-[^/]+\.dist-info\/licenses\/.+$/;
/** No file of a wheel is larger. */
const LARGEST = 2 ** 29;

export interface InstallOptions {
	/** A wheel that was fetched before; pip fetches it otherwise. */
	readonly from?: string;
	/** SHA-256 digests of the wheels by platform. */
	readonly digests?: Readonly<Record<string, readonly string[]>>;
	/** Told what is going on, in words. */
	readonly onStage?: (words: string) => void;
	readonly signal?: AbortSignal;
}

/**
 * Installs OpenVINO for this machine into the cache: whole, or not at all.
 * @returns the folder of its libraries
 * @throws UserError when it cannot be fetched, is not what it should be, or cannot be written; the signal's reason when it is aborted.
 */
export async function installOpenVino({
	from,
	digests = WHEEL_DIGESTS,
	onStage = () => undefined,
	signal,
}: InstallOptions = {}): Promise<string> {
	if (!digests[thisPlatform])
		throw new UserError(
			`there is no OpenVINO ${OPENVINO_VERSION} for ${process.platform} ${process.arch}; FDIFF_OPENVINO_DIR may name a library of your own`,
			{ code: "unsupported" },
		);
	const fetched = from === undefined ? await temporaryFolder() : undefined;
	try {
		if (fetched) onStage(`pip fetches OpenVINO ${OPENVINO_VERSION}`);
		const wheel = from ?? (await fetchWheel(fetched ?? "", signal));
		onStage("checking");
		await checkWheel(wheel, digests);
		signal?.throwIfAborted();
		onStage("unpacking");
		return await unpack(wheel, signal);
	} finally {
		if (fetched) await rm(fetched, { recursive: true, force: true });
	}
}

/** Removes what `installOpenVino` installed; false where there was nothing. */
export async function removeOpenVino(): Promise<boolean> {
	const folder = installedFolder();
	try {
		await stat(folder);
	} catch {
		return false;
	}
	try {
		await rm(folder, { recursive: true });
	} catch (cause) {
		throw new UserError(`${folder} cannot be removed: ${reasonOf(cause)}`, {
			cause,
		});
	}
	return true;
}

async function temporaryFolder(): Promise<string> {
	try {
		return await mkdtemp(join(tmpdir(), "fdiff-openvino-"));
	} catch (cause) {
		throw cannotWrite(tmpdir(), cause);
	}
}

/** pip downloads the wheel; nothing of it is run. */
async function fetchWheel(
	folder: string,
	signal?: AbortSignal,
): Promise<string> {
	const words = [
		...["download", `openvino==${OPENVINO_VERSION}`, "--no-deps", "--quiet"],
		...["--only-binary=:all:", "--python-version", "3.12"],
		...["--platform", PIP_PLATFORMS[thisPlatform], "--dest", folder],
		...["--disable-pip-version-check", "--no-input"],
	];
	const ways: readonly (readonly [string, readonly string[]])[] = [
		["python3", ["-m", "pip"]],
		["python", ["-m", "pip"]],
		["pip3", []],
		["pip", []],
	];
	let problem: string | undefined;
	for (const [program, first] of ways)
		try {
			await promisify(execFile)(program, [...first, ...words], { signal });
			const [name] = await readdir(folder);
			if (name) return join(folder, name);
		} catch (cause) {
			signal?.throwIfAborted();
			// the first that exists and has pip tells why it failed
			problem ??= pipProblem(cause);
		}
	const byHand = `or fetch the wheel of openvino ${OPENVINO_VERSION} for ${PIP_PLATFORMS[thisPlatform]} from PyPI and give it: fdiff engines install openvino --from FILE.whl`;
	throw problem
		? new UserError(
				`pip could not fetch OpenVINO (${problem}); try again, ${byHand}`,
				{ code: "network" },
			)
		: new UserError(
				`pip is not here to fetch OpenVINO: install it, ${byHand}`,
				{
					code: "not_installed",
				},
			);
}

/** pip's last line; undefined where there was no pip to say anything. */
function pipProblem(cause: unknown): string | undefined {
	const { code, stderr } = cause as { code?: unknown; stderr?: unknown };
	const lines = String(stderr ?? "")
		.split("\n")
		.map((line) => line.trim())
		.filter((line) => line !== "");
	if (code === "ENOENT" || /No module named '?pip/.test(lines.join(" ")))
		return undefined;
	return lines.at(-1) ?? String(cause);
}

/** @throws UserError unless the file is byte for byte one of the wheels with these digests. */
async function checkWheel(
	wheel: string,
	digests: Readonly<Record<string, readonly string[]>>,
): Promise<void> {
	let digest: string;
	try {
		digest = await digestFile(wheel, "sha256");
	} catch (cause) {
		throw new UserError(`${wheel} cannot be read: ${reasonOf(cause)}`, {
			cause,
		});
	}
	if (digests[thisPlatform]?.includes(digest)) return;
	const elsewhere = Object.entries(digests).find(([, all]) =>
		all.includes(digest),
	);
	const wanted = `openvino ${OPENVINO_VERSION} for ${PIP_PLATFORMS[thisPlatform]}`;
	throw new UserError(
		elsewhere
			? `${basename(wheel)} is OpenVINO for ${elsewhere[0]}, this machine is ${thisPlatform}; take ${wanted}`
			: `${basename(wheel)} is not the wheel of ${wanted} as PyPI has it (its SHA-256 is ${digest}); nothing was installed`,
		{ code: "invalid_input" },
	);
}

async function unpack(wheel: string, signal?: AbortSignal): Promise<string> {
	const place = installedFolder();
	// beside its place, so that it can be renamed
	const temporary = `${place}.${process.pid}-${randomBytes(4).toString("hex")}.tmp`;
	const zip = await openZip(wheel, basename(wheel));
	try {
		await makeFolder(temporary);
		await unpackInto(temporary, zip, signal);
		await checkInstallation(temporary);
		await rm(place, { recursive: true, force: true });
		await rename(temporary, place);
		return place;
	} catch (cause) {
		signal?.throwIfAborted();
		throw cannotWrite(dirname(place), cause);
	} finally {
		zip.close();
		await rm(temporary, { recursive: true, force: true }).catch(
			() => undefined,
		);
	}
}

async function unpackInto(
	folder: string,
	zip: ZipArchive,
	signal?: AbortSignal,
): Promise<void> {
	for (const { name } of zip.entries.values()) {
		const library = NEEDED.test(name) && !UNNEEDED.test(name);
		if (!library && !LICENSES.test(name)) continue;
		signal?.throwIfAborted();
		const place = library
			? join(folder, basename(name))
			: join(folder, "licenses", basename(name));
		await writeWhole(place, await zip.read(name, LARGEST), {
			makeFolder: true,
		});
	}
}

/** The library must load before it gets its place. */
async function checkInstallation(folder: string): Promise<void> {
	const names = await readdir(folder);
	const name = names.find((file) => /openvino_c\b/.test(file));
	if (!name)
		throw new UserError("the wheel holds no library openvino_c", {
			code: "invalid_input",
		});
	await loadLibrary(join(folder, name));
}
