import type { Command } from "commander";
import { interruptSignal } from "./interrupt.js";
import { progressBar } from "./progressBar.js";

const EXAMPLES = `
Examples:
  $ fdiff dataset pull coco-val2017 --output data/coco
  $ fdiff dataset list data/coco --protocol val-5k > val-5k.json

pull keeps what was fetched and goes on from there; the archives are read as they are, never unpacked.`;

/** Adds `dataset pull|list` to the program. */
export function addDatasetCommand(
	program: Command,
	output: {
		readonly stdout: { write(text: string): unknown };
		readonly stderr: { write(text: string): unknown };
	} = process,
): void {
	const dataset = program
		.command("dataset")
		.description("fetch data sets, and resolve which captions are drawn")
		.helpCommand(false)
		.addHelpText("after", EXAMPLES);

	dataset
		.command("pull")
		.description("download a data set")
		.argument("<name>", "coco-val2017")
		.addHelpText("after", EXAMPLES)
		.option("--output <folder>", "where to", "coco")
		.option("--server <address>", "a mirror with the same files")
		.option("--quiet", "no progress")
		.action(
			async (
				name: string,
				flags: { output: string; server?: string; quiet?: boolean },
			) => {
				const { pullDataset } = await import("../datasets/nodePullDataset.js");
				const { quiet = false, server } = flags;
				let bar: ReturnType<typeof progressBar> | undefined;
				let current: string | undefined;
				try {
					const paths = await pullDataset(name, flags.output, {
						...(server ? { server } : {}),
						signal: interruptSignal(),
						onProgress(file, received, total) {
							if (file !== current) {
								bar?.stop();
								const size = total ?? received;
								bar = progressBar({
									label: file,
									total: size,
									unit: "B",
									quiet,
								});
								current = file;
							}
							bar?.update(received, "", total);
						},
					});
					bar?.stop();
					for (const path of paths) output.stdout.write(`${path}\n`);
				} finally {
					bar?.stop();
				}
			},
		);

	dataset
		.command("list")
		.description("the captions and seeds of a protocol, as JSON")
		.addHelpText("after", EXAMPLES)
		.argument("<folder>", "COCO's folder, or images with captions")
		.requiredOption(
			"--protocol <name>",
			"val-5k, paper-10k, every-image or smoke-N",
		)
		.option("--captions <file>", "captions that lie elsewhere")
		.option("--images <folder>", "images that lie elsewhere (folder or zip)")
		.action(
			async (
				folder: string,
				flags: { protocol: string; captions?: string; images?: string },
			) => {
				const { openDataset } = await import("../datasets/nodeOpenDataset.js");
				const { resolveProtocol } = await import("../datasets/protocol.js");
				const { problemLines } = await import("../datasets/captionedImages.js");
				const { captions, images } = flags;
				const opened = await openDataset({
					folder,
					...(captions ? { captions } : {}),
					...(images ? { images } : {}),
				});
				opened.source?.close();
				for (const line of problemLines(opened.problems))
					output.stderr.write(`${line}\n`);
				const resolved = resolveProtocol(flags.protocol, opened);
				output.stdout.write(`${JSON.stringify(resolved, null, "\t")}\n`);
			},
		);
}
