import {
	mkdirSync,
	mkdtempSync,
	rmSync,
	statSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import {
	afterAll,
	afterEach,
	beforeAll,
	beforeEach,
	describe,
	expect,
	test,
	vi,
} from "vitest";
import { addModelsCommand } from "../../src/cli/models.js";
import { nodeModelFolder } from "../../src/weights/formats/nodeModelFolder.js";
import {
	commit,
	etagOf,
	type HubServer,
	startHub,
} from "../weights/hub/hubServer.js";

const models = join(import.meta.dirname, "..", "models");
const tinySd = join(models, "tiny-sd");
const repo = "some-owner/tiny-sd";
const unet = "unet/diffusion_pytorch_model.safetensors";
const root = mkdtempSync(join(tmpdir(), "fdiff-models-"));
const files = new Map<string, Uint8Array>();
let hub: HubServer;
let cacheFolder: string;
let count = 0;

beforeAll(async () => {
	const folder = await nodeModelFolder(tinySd);
	for (const path of folder.paths) {
		const file = await folder.open(path);
		files.set(path, await file.read(0, file.size));
	}
	hub = await startHub(repo, files);
});
afterAll(async () => {
	await hub.close();
	rmSync(root, { recursive: true });
});
beforeEach(() => {
	cacheFolder = join(root, `cache-${count++}`);
	vi.stubEnv("HF_ENDPOINT", hub.endpoint);
	vi.stubEnv("HF_HUB_CACHE", cacheFolder);
	vi.stubEnv("HF_HUB_OFFLINE", "");
});
afterEach(() => {
	vi.unstubAllEnvs();
	process.removeAllListeners("SIGINT");
	process.removeAllListeners("SIGTERM");
});

/** Runs `fdiff models …` and gives what it wrote. */
async function run(
	...words: string[]
): Promise<{ stdout: string; stderr: string }> {
	const written = { stdout: "", stderr: "" };
	const program = new Command("fdiff").exitOverride().configureOutput({
		writeOut: (text) => {
			written.stdout += text;
		},
		writeErr: (text) => {
			written.stderr += text;
		},
	});
	const sink = (name: "stdout" | "stderr") => ({
		write: (text: string) => {
			written[name] += text;
		},
	});
	addModelsCommand(program, { stdout: sink("stdout"), stderr: sink("stderr") });
	await program.parseAsync(["models", ...words], { from: "user" });
	return written;
}

describe("pull", () => {
	test("downloads, says where, and shows progress on stderr only", async () => {
		const { stdout, stderr } = await run("pull", repo);
		expect(stdout).toBe(
			`${join(cacheFolder, "models--some-owner--tiny-sd", "snapshots", commit)}\n`,
		);
		expect(stderr).toMatch(/^some-owner\/tiny-sd .*\n/);
		expect(stderr).toMatch(/100% 2\.\d+ MB\/2\.\d+ MB/);
	});

	test("--variant, --include, --json and --quiet", async () => {
		const { stdout, stderr } = await run(
			"pull",
			`${repo}@main`,
			"--variant",
			"fp16",
			"--json",
			"--quiet",
		);
		expect(stderr).toBe("");
		const answer = JSON.parse(stdout) as { files: string[] };
		expect(answer).toMatchObject({ model: repo, revision: "main", commit });
		expect(answer.files).toContain(
			"unet/diffusion_pytorch_model.fp16.safetensors",
		);
		const included = await run(
			"pull",
			repo,
			"--include",
			"vae/config.json",
			"--quiet",
		);
		expect(included.stdout).toMatch(/vae\/config\.json\n$/);
	});

	test("of something here is refused", async () => {
		await expect(run("pull", tinySd)).rejects.toThrow(
			/is a folder on this machine: pull takes a Hub id/,
		);
		await expect(run("pull", "nothing")).rejects.toThrow(/is no model/);
	});
});

describe("list", () => {
	test("names what the cache has, with sizes", async () => {
		await run("pull", repo, "--quiet");
		mkdirSync(join(cacheFolder, "models--a--b", "blobs"), { recursive: true });
		writeFileSync(
			join(cacheFolder, "models--a--b", "blobs", "x.fdiff.incomplete"),
			"123",
		);
		const { stdout } = await run("list");
		expect(stdout).toMatch(/^MODEL +SIZE {2}WHERE\n/);
		expect(stdout).toMatch(/some-owner\/tiny-sd +2\.\d+ MB {2}cache\n/);
		expect(stdout).toMatch(/a\/b +3 B {2}cache \(download broken off\)\n/);
		expect(stdout).toContain(`cache: ${cacheFolder}\n`);
		const json = (await run("list", "--json")).stdout
			.trim()
			.split("\n")
			.map((line) => JSON.parse(line) as { model: string });
		expect(json.map(({ model }) => model)).toContain(repo);
	});
});

describe("verify", () => {
	const blob = () =>
		join(
			cacheFolder,
			"models--some-owner--tiny-sd",
			"blobs",
			etagOf(unet, files.get(unet) ?? new Uint8Array()),
		);

	test("finds the bit that changed, removes the file with --delete, and pull mends it", async () => {
		await run("pull", repo, "--quiet");
		expect((await run("verify")).stdout).toMatch(
			/^\d+ files are as they should be\n$/,
		);
		const bytes = Uint8Array.from(files.get(unet) ?? []);
		bytes[bytes.length - 1] ^= 1;
		writeFileSync(blob(), bytes);
		await expect(run("verify", repo)).rejects.toThrow(
			/^1 of \d+ files is broken; remove those of the cache with --delete/,
		);
		await expect(run("verify", repo, "--delete", "--json")).rejects.toThrow(
			/is broken, then get them again/,
		);
		await expect(run("verify", repo)).rejects.toThrow(/broken/);
		await run("pull", repo, "--quiet");
		expect(statSync(blob()).size).toBe(bytes.length);
		expect((await run("verify", repo, "--quiet")).stdout).toMatch(
			/as they should be/,
		);
	});

	test("of a folder and of a file checks their structure", async () => {
		expect((await run("verify", tinySd)).stdout).toBe(
			"4 files are as they should be\n",
		);
		const cut = join(root, "cut.safetensors");
		writeFileSync(cut, files.get(unet) ?? "");
		truncateSync(cut, 100_000);
		await expect(run("verify", cut)).rejects.toThrow(/^1 of 1 files is broken/);
		await expect(run("verify", "some-owner/other")).rejects.toThrow(
			/is not in the cache .* fdiff models pull some-owner\/other/,
		);
	});
});

describe("inspect", () => {
	test("a folder: networks, parameters, types, configs", async () => {
		const { stdout } = await run("inspect", tinySd);
		expect(stdout).toMatch(/\(hash [0-9a-f]{10}\)/);
		expect(stdout).toMatch(
			/UNet: 3\d\dK parameters, 6\d\d tensors \(6\d\d F32\), 1\.\d+ MB/,
		);
		expect(stdout).toContain("  block_out_channels: [8,16,16,32]");
		expect(stdout).toMatch(/scheduler:\n {2}_class_name: "PNDMScheduler"/);
	});

	test("a Hub id in the cache, as JSON, without a request", async () => {
		await expect(run("inspect", repo)).rejects.toThrow(
			/nor in the cache: get it with fdiff models pull/,
		);
		await run("pull", repo, "--quiet");
		const before = hub.requests.length;
		const { stdout } = await run("inspect", repo, "--json", "--tensors");
		expect(hub.requests.length).toBe(before);
		const answer = JSON.parse(stdout) as {
			networks: {
				name: string;
				parameters: number;
				entries: { name: string }[];
			}[];
		};
		const [text, unetPart] = answer.networks;
		expect(text.name).toBe("text encoder");
		expect(unetPart.entries.map(({ name }) => name)).toContain(
			"conv_in.weight",
		);
	});

	test("single files: whole with --config, else by tensors with the reason", async () => {
		const single = join(models, "tiny-sd.single.safetensors");
		expect((await run("inspect", single, "--config", tinySd)).stdout).toMatch(
			/^VAE: /m,
		);
		const { stdout } = await run("inspect", join(tinySd, unet), "--tensors");
		expect(stdout).toMatch(
			/shown as tensors only: .* is a UNet alone, in diffusers' naming/,
		);
		expect(stdout).toMatch(/ {2}F32 {2}\[8, 4, 3, 3\] {2}conv_in\.weight\n/);
		const text = join(root, "x.safetensors");
		writeFileSync(text, "not weights");
		await expect(run("inspect", text)).rejects.toThrow(
			/is not a valid safetensors file/,
		);
	});
});

test("every command's help has its flags and examples", async () => {
	const help = async (...words: string[]) => {
		let text = "";
		const program = new Command("fdiff").exitOverride().configureOutput({
			writeOut: (part) => {
				text += part;
			},
		});
		addModelsCommand(program);
		await program
			.parseAsync(["models", ...words, "--help"], { from: "user" })
			.catch(() => undefined);
		return text;
	};
	expect(await help()).toMatch(
		/ list [\s\S]* pull [\s\S]* verify [\s\S]* inspect [\s\S]*Examples:\n {2}\$ fdiff models list/,
	);
	for (const command of ["pull", "verify", "inspect"])
		expect(await help(command)).toMatch(
			new RegExp(`Examples:\\n {2}\\$ fdiff models ${command}`),
		);
});
