import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zipSync } from "fflate";
import { afterAll, afterEach, expect, test } from "vitest";
import { OptionError } from "../../src/errors/optionError.js";
import { UserError } from "../../src/errors/userError.js";
import { chooseEngine } from "../../src/runtime/nodeEngines.js";
import { installOpenVino } from "../../src/runtime/openvino/nodeInstall.js";
import { thisPlatform } from "../../src/runtime/openvino/nodeWheels.js";

const folder = mkdtempSync(join(tmpdir(), "fdiff-engines-"));
const variables = { ...process.env };
afterEach(() => {
	process.env.FDIFF_OPENVINO_DIR = variables.FDIFF_OPENVINO_DIR;
	process.env.XDG_CACHE_HOME = variables.XDG_CACHE_HOME ?? "";
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("without OpenVINO networks run in ONNX Runtime, in float32", async () => {
	const { engine, precision } = await chooseEngine({});
	expect([engine.name, precision]).toEqual(["onnxruntime", "float32"]);
});

test("what cannot be had is refused with what can", async () => {
	const refused = async (
		options: Parameters<typeof chooseEngine>[0],
		option: string,
		words: RegExp,
	) => {
		const error: unknown = await chooseEngine(options).catch((cause) => cause);
		expect(error).toBeInstanceOf(OptionError);
		expect(error).toMatchObject({ option });
		expect((error as Error).message).toMatch(words);
		expect((error as Error).message).not.toContain("\n");
	};
	await refused({ engine: "openvino" }, "engine", /engines install openvino/);
	await refused({ precision: "bfloat16" }, "precision", /float32/);
	await refused({ device: "npu" }, "device", /cpu/);
	process.env.FDIFF_OPENVINO_DIR = folder;
	for (const engine of ["auto", "openvino"] as const)
		await expect(chooseEngine({ engine })).rejects.toThrow(
			/^FDIFF_OPENVINO_DIR: .* holds no OpenVINO library/,
		);
	process.env.FDIFF_OPENVINO_DIR = join(folder, "none");
	await expect(chooseEngine({})).rejects.toThrow(/FDIFF_OPENVINO_DIR: .*none/);
	// a file that is called like the library
	process.env.FDIFF_OPENVINO_DIR = folder;
	writeFileSync(join(folder, "libopenvino_c.so"), "no library");
	await expect(chooseEngine({})).rejects.toThrow(
		/^[^\n]*libopenvino_c.so cannot be used[^\n]*$/,
	);
	rmSync(join(folder, "libopenvino_c.so"));
});

/** A wheel of these files, and tables in which it is this machine's and another's. */
function madeWheel(files: Readonly<Record<string, string>>) {
	const encoded = Object.entries(files).map(
		([name, text]) => [name, new TextEncoder().encode(text)] as const,
	);
	const bytes = zipSync(Object.fromEntries(encoded));
	const path = join(folder, "openvino.whl");
	writeFileSync(path, bytes);
	const digest = createHash("sha256").update(bytes).digest("hex");
	return {
		path,
		ours: { [thisPlatform]: [digest] },
		another: { [thisPlatform]: [], "riscos-arm": [digest] },
	};
}

test("a wheel that is not what it should be installs nothing", async () => {
	const cache = join(folder, "cache");
	process.env.XDG_CACHE_HOME = cache;
	const { path, ours, another } = madeWheel({ "openvino/libs/readme": "none" });
	const refused = async (
		options: Parameters<typeof installOpenVino>[0],
		words: RegExp,
	) => {
		const error: unknown = await installOpenVino(options).catch(
			(cause) => cause,
		);
		expect(error).toBeInstanceOf(UserError);
		expect((error as Error).message).toMatch(words);
		expect((error as Error).message).not.toContain("\n");
	};
	await refused({ from: path }, /not the wheel of openvino .*SHA-256/);
	await refused({ from: path, digests: another }, /is OpenVINO for riscos-arm/);
	await refused({ from: path, digests: ours }, /holds no library openvino_c/);
	await refused({ from: join(folder, "none.whl") }, /none.whl cannot be read/);
	await refused({ from: path, digests: {} }, /there is no OpenVINO .* for/);
	const broken = madeWheel({ "openvino/libs/libopenvino_c.so": "no library" });
	await refused(
		{ from: broken.path, digests: broken.ours },
		/libopenvino_c.so cannot be used/,
	);
	writeFileSync(join(folder, "text.whl"), "text");
	const text = createHash("sha256").update("text").digest("hex");
	await refused(
		{ from: join(folder, "text.whl"), digests: { [thisPlatform]: [text] } },
		/text.whl is no usable zip/,
	);
	expect(
		readdirSync(cache, { recursive: true }).filter((name) =>
			String(name).includes("openvino"),
		),
	).toEqual([]);
	process.env.XDG_CACHE_HOME = join(path, "below-a-file");
	await refused(
		{ from: broken.path, digests: broken.ours },
		/below-a-file.* cannot be written: /,
	);
});
