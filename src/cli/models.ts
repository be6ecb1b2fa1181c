import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { UserError } from "../errors/userError.js";
import { nodeModelFolder } from "../weights/formats/nodeModelFolder.js";
import { hubSettings, listCachedRepos } from "../weights/hub/nodeHubCache.js";
import { pullHubModel } from "../weights/hub/nodeHubModel.js";
import {
	removeBlob,
	type VerifiedFile,
	verifyCachedRepo,
	verifyPath,
} from "../weights/hub/nodeVerifyModel.js";
import {
	EMBEDDED_MODEL,
	embeddedExtraNames,
	embeddedModelNames,
	embeddedModelsFolder,
} from "../weights/nodeEmbeddedModels.js";
import { locateModel } from "../weights/nodeOpenModel.js";
import { downloadProgress } from "./downloadProgress.js";
import { formatBytes } from "./formatAmount.js";
import { type InspectFlags, inspectModel } from "./inspectModel.js";
import { interruptSignal } from "./interrupt.js";
import { type ProgressStream, progressBar } from "./progressBar.js";

/** Where a command writes; the process's own streams by default. */
export interface CommandOutput {
	readonly stdout: { write(text: string): unknown };
	readonly stderr: ProgressStream;
}

const EXAMPLES = {
	models: `
Examples:
  $ fdiff models list
  $ fdiff models pull stable-diffusion-v1-5/stable-diffusion-v1-5 --variant fp16
  $ fdiff models verify stable-diffusion-v1-5/stable-diffusion-v1-5
  $ fdiff models inspect ./my-checkpoint.safetensors

Models are kept in the standard Hugging Face cache: HF_HOME and HF_HUB_CACHE say where, HF_TOKEN opens gated models,
HF_ENDPOINT names a mirror, HF_HUB_OFFLINE=1 forbids the network.`,
	pull: `
Examples:
  $ fdiff models pull stable-diffusion-v1-5/stable-diffusion-v1-5
  $ fdiff models pull stable-diffusion-v1-5/stable-diffusion-v1-5 --variant fp16 --revision main
  $ fdiff models pull some-owner/checkpoints --include model.safetensors

A download that was broken off goes on where it ended. The last line is the folder (or file) that it went to.`,
	verify: `
Examples:
  $ fdiff models verify                                  everything in the cache
  $ fdiff models verify owner/name --delete              broken files are removed, so that pull fetches them again
  $ fdiff models verify ./my-model                       the structure of a folder's or a file's weights`,
	inspect: `
Examples:
  $ fdiff models inspect ./my-model
  $ fdiff models inspect ./checkpoint.safetensors --tensors
  $ fdiff models inspect owner/name --json`,
} as const;

/** Adds `models list|pull|verify|inspect` to the program. */
export function addModelsCommand(
	program: Command,
	output: CommandOutput = process,
): void {
	const models = program
		.command("models")
		.description("list, download, verify and inspect models")
		.helpCommand(false)
		.addHelpText("after", EXAMPLES.models);

	models
		.command("list")
		.description("models that come with the package or are in the cache")
		.addHelpText("after", EXAMPLES.models)
		.option("--json", "one JSON object a line")
		.action((flags: { json?: boolean }) => listModels(flags, output));

	models
		.command("pull")
		.description("download a model from the Hub into the cache")
		.argument("<id>", "owner/name, or owner/name@revision")
		.option("--variant <name>", 'variant of the weights, such as "fp16"')
		.option("--revision <name>", "branch, tag or commit (main)")
		.option(
			"--include <file...>",
			"exactly these files of the repository instead of what a model needs",
		)
		.option("--json", "one JSON object on stdout")
		.option("--quiet", "no progress")
		.addHelpText("after", EXAMPLES.pull)
		.action((id: string, flags: PullFlags) => pull(id, flags, output));

	models
		.command("verify")
		.description("read models again and compare them with their checksums")
		.argument("[model...]", "Hub ids, folders or .safetensors files")
		.option("--delete", "remove broken files from the cache")
		.option("--json", "one JSON object a line")
		.option("--quiet", "no progress")
		.addHelpText("after", EXAMPLES.verify)
		.action((names: string[], flags: VerifyFlags) =>
			verify(names, flags, output),
		);

	models
		.command("inspect")
		.description("networks, sizes, data types and shapes of a model")
		.argument("<model>", "folder, .safetensors file or Hub id in the cache")
		.option("--tensors", "every tensor with its type and shape")
		.option("--variant <name>", 'variant of the weights, such as "fp16"')
		.option("--revision <name>", "branch, tag or commit of a Hub id")
		.option("--config <folder>", "configs for a single-file checkpoint")
		.option("--tokenizer <folder>", "tokenizer for a single-file checkpoint")
		.option("--json", "one JSON object on stdout")
		.addHelpText("after", EXAMPLES.inspect)
		.action(async (model: string, flags: InspectFlags) => {
			for (const line of await inspectModel(model, flags))
				output.stdout.write(`${line}\n`);
		});
}

async function listModels(
	{ json }: { json?: boolean },
	{ stdout }: CommandOutput,
): Promise<void> {
	const { cacheFolder } = await hubSettings();
	const rows: { model: string; size: number; where: string; note?: string }[] =
		[];
	for (const name of await embeddedModelNames()) {
		const path = join(embeddedModelsFolder, name);
		const size = await folderSize(path);
		const note =
			name === EMBEDDED_MODEL ? await embeddedExtraNames() : undefined;
		rows.push({ model: name, size, where: "embedded", note });
	}
	for (const { repo, size, incomplete, commits } of await listCachedRepos(
		cacheFolder,
	))
		rows.push({
			model: repo,
			size,
			where: "cache",
			...(incomplete
				? { note: "download broken off" }
				: commits.length === 0
					? { note: "no snapshot" }
					: {}),
		});
	if (json) {
		for (const row of rows) stdout.write(`${JSON.stringify(row)}\n`);
		return;
	}
	const width = Math.max(5, ...rows.map(({ model }) => model.length));
	stdout.write(`${"MODEL".padEnd(width)}  ${"SIZE".padStart(8)}  WHERE\n`);
	for (const { model, size, where, note } of rows)
		stdout.write(
			`${model.padEnd(width)}  ${formatBytes(size).padStart(8)}  ${where}${note ? ` (${note})` : ""}\n`,
		);
	stdout.write(`cache: ${cacheFolder}\n`);
}

async function folderSize(path: string): Promise<number> {
	let size = 0;
	for (const file of (await nodeModelFolder(path)).paths)
		size += (await stat(join(path, file))).size;
	return size;
}

interface PullFlags {
	readonly variant?: string;
	readonly revision?: string;
	readonly include?: string[];
	readonly json?: boolean;
	readonly quiet?: boolean;
}

async function pull(
	name: string,
	{ json, quiet = false, variant, revision, include }: PullFlags,
	{ stdout, stderr }: CommandOutput,
): Promise<void> {
	const place = await locateModel(name, revision);
	if (place.kind !== "hub")
		throw new UserError(
			`${name} is ${place.kind === "file" ? "a file" : "a folder"} on this machine: pull takes a Hub id (owner/name)`,
			{ code: "usage" },
		);
	const bar = downloadProgress(place.id.repo, quiet, stderr);
	try {
		const pulled = await pullHubModel(place.id, {
			...(variant ? { variant } : {}),
			...(include ? { include } : {}),
			onProgress: bar.update,
			signal: interruptSignal(),
		});
		bar.stop();
		if (json)
			stdout.write(
				`${JSON.stringify({ model: place.id.repo, revision: place.id.revision, ...pulled })}\n`,
			);
		else if (include)
			for (const file of pulled.files)
				stdout.write(`${join(pulled.folder, file)}\n`);
		else stdout.write(`${pulled.folder}\n`);
	} finally {
		bar.stop();
	}
}

interface VerifyFlags {
	readonly delete?: boolean;
	readonly json?: boolean;
	readonly quiet?: boolean;
}

async function verify(
	names: readonly string[],
	flags: VerifyFlags,
	{ stdout, stderr }: CommandOutput,
): Promise<void> {
	const { cacheFolder } = await hubSettings();
	const models = names.length
		? names
		: (await listCachedRepos(cacheFolder)).map(({ repo }) => repo);
	const signal = interruptSignal();
	let broken = 0;
	let files = 0;
	for (const model of models) {
		const place = await locateModel(model);
		const hub = place.kind === "hub";
		const bar = progressBar({
			label: model,
			total: 0,
			unit: "B",
			quiet: flags.quiet ?? false,
			stream: stderr,
		});
		const report = async (file: VerifiedFile) => {
			files++;
			if (file.problem) broken++;
			const removed = Boolean(file.problem && flags.delete && hub);
			if (removed) await removeBlob(file);
			if (flags.json) stdout.write(`${JSON.stringify({ ...file, removed })}\n`);
			else if (file.problem)
				stdout.write(
					`${file.file} is broken${removed ? " (removed)" : ""}: ${file.problem}\n`,
				);
		};
		try {
			const results = hub
				? verifyCachedRepo(
						cacheFolder,
						place.id.repo,
						(done, total) => bar.update(done, "", total),
						signal,
					)
				: verifyPath(place.path, place.kind);
			for await (const file of results) await report(file);
		} finally {
			bar.stop();
		}
	}
	if (broken)
		throw new UserError(
			`${broken} of ${files} files ${broken === 1 ? "is" : "are"} broken${flags.delete ? "" : "; remove those of the cache with --delete"}, then get them again with fdiff models pull`,
		);
	if (!flags.json)
		stdout.write(
			files
				? `${files} files are as they should be\n`
				: "there are no weights to verify\n",
		);
}
