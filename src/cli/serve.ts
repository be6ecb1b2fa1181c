import { totalmem } from "node:os";
import { basename } from "node:path";
import type { Command } from "commander";
import { neededPackage } from "../errors/neededPackage.js";
import { OptionError } from "../errors/optionError.js";
import { UserError } from "../errors/userError.js";
import { MODEL_OPTIONS, type ModelOption } from "../pipeline/modelOptions.js";
import { isLoopback } from "../server/guard.js";
import { parseKeys } from "../server/keys.js";
import { DEFAULT_LIMITS, type ServerLimits } from "../server/limits.js";
import { type ModelShelf, modelShelf } from "../server/models.js";
import type { WorkerQueue } from "../server/workers/drawByWorkers.js";
import { EMBEDDED_MODEL } from "../weights/nodeEmbeddedModels.js";
import { addOutputFlags, type ModelFlags } from "./generationFlags.js";
import { interruptSignal } from "./interrupt.js";
import { openPipeline } from "./openPipeline.js";
import { addOptionFlags, readTextOf } from "./optionFlags.js";
import { parseBytes, parseWhole } from "./parseFlag.js";

/** Flags of the commands that serve models by name. */
export interface ShelfFlags extends Omit<ModelFlags, "model"> {
	readonly model?: readonly string[];
	readonly memoryBudget?: number;
}

interface ServeFlags extends ShelfFlags {
	readonly host: string;
	readonly port: number;
	readonly keyFile?: string;
	readonly allowHost?: readonly string[];
	readonly queue?: string;
	readonly logPrompts?: boolean;
	readonly drainSeconds: number;
	readonly batch: number;
	readonly maxQueue: number;
	readonly maxConnections: number;
	readonly maxPixels: number;
	readonly maxSteps: number;
	readonly maxImages: number;
	readonly maxPrompt: number;
	readonly maxBody: number;
	readonly maxSeconds: number;
	readonly keepSeconds: number;
}

const EXAMPLES = `
Examples:
  $ fdiff serve                                           http://127.0.0.1:7860, for this machine only
  $ fdiff serve --model sd15=stable-diffusion-v1-5/stable-diffusion-v1-5 --model emoji
  $ fdiff serve --queue redis://host:6379                  drawn by fdiff worker --serve, on any number of machines
  $ FDIFF_KEYS=$(openssl rand -hex 32) fdiff serve --host 0.0.0.0 --allow-host images.example.org

Keys are taken from --key-file or from the environment variable FDIFF_KEYS; each sees its own jobs only. docs/server.md shows
every endpoint.`;

/** As milliseconds they must fit a timer. */
const MOST_SECONDS = 2_000_000;

/** The flags of the limits, each with the limit that it sets. */
const LIMIT_FLAGS = {
	maxQueue: ["queue", "jobs that wait or run; more are answered with 429"],
	maxConnections: [
		"connections",
		"connections at the same time; more are closed at once",
	],
	maxPixels: ["pixels", "pixels of an image"],
	maxSteps: ["steps", "steps of a job"],
	maxImages: ["images", "images of a job"],
	maxPrompt: ["prompt", "characters of a prompt"],
	maxBody: ["body", "bytes of a request"],
	maxSeconds: ["seconds", "seconds that a job may run"],
	keepSeconds: ["keepSeconds", "seconds that a finished job is kept"],
} as const satisfies Record<string, readonly [keyof ServerLimits, string]>;

/** Adds the flags of `ShelfFlags`. */
export function addShelfFlags(command: Command): Command {
	command
		.option(
			"--model <[name=]model>",
			"a model to serve, by the name that clients call it; may be given several times (default: the embedded model)",
			(word: string, before: readonly string[] = []) => [...before, word],
		)
		.option(
			"--memory-budget <size>",
			"memory for the networks of all models, such as 6GB: those used longest ago make room (default: six tenths of what there is)",
			parseBytes,
		);
	const names = Object.keys(MODEL_OPTIONS) as ModelOption[];
	return addOptionFlags(
		command,
		MODEL_OPTIONS,
		names.filter((name) => name !== "model" && name !== "keepResident"),
	);
}

/** `fdiff serve`: images over HTTP. */
export function addServeCommand(program: Command): void {
	const command = program
		.command("serve")
		.description("draw for others over HTTP")
		.option("--host <address>", "address to listen on", "127.0.0.1")
		.option("--port <n>", "port to listen on; 0: any", parseWhole, 7860)
		.option("--key-file <file>", "keys of clients, one a line")
		.option(
			"--allow-host <name>",
			"a name under which the server is called; may be given several times",
			(word: string, before: readonly string[] = []) => [...before, word],
		);
	for (const [flag, [limit, words]] of Object.entries(LIMIT_FLAGS))
		command.option(
			`--${flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} <n>`,
			words,
			parseWhole,
			DEFAULT_LIMITS[limit],
		);
	command
		.option(
			"--queue <url>",
			"Redis or Valkey (redis://HOST:PORT) over which jobs are handed to fdiff worker --serve; this process then draws nothing itself",
		)
		.option(
			"--batch <n>",
			"jobs of small pictures of one size that are drawn together, which takes less time than one after another",
			parseWhole,
			4,
		)
		.option("--log-prompts", "log the prompts of jobs (default: never)")
		.option(
			"--drain-seconds <n>",
			"seconds that jobs have to end when the server is stopped",
			parseWhole,
			60,
		)
		.addHelpText("after", EXAMPLES)
		.action(serve);
	addOutputFlags(addShelfFlags(command));
}

async function serve(flags: ServeFlags): Promise<void> {
	const limits = limitsOf(flags);
	if (!(flags.drainSeconds >= 0 && flags.drainSeconds <= MOST_SECONDS))
		throw new OptionError(
			"drainSeconds",
			`${flags.drainSeconds} is not between 0 and ${MOST_SECONDS}`,
		);
	if (!(flags.port >= 0 && flags.port <= 65_535))
		throw new OptionError("port", `${flags.port} is not between 0 and 65535`);
	const keys = parseKeys(
		flags.keyFile
			? await readTextOf("keyFile", flags.keyFile)
			: (process.env.FDIFF_KEYS ?? ""),
	);
	if (keys.length === 0 && (flags.keyFile || !isLoopback(flags.host)))
		throw new OptionError(
			flags.keyFile ? "keyFile" : "host",
			flags.keyFile
				? "there is no key in it"
				: `${flags.host} is seen by other machines, for which a key is needed: --key-file or FDIFF_KEYS`,
		);
	const signal = interruptSignal();
	const { createServer } = await neededPackage(
		"fastify @fastify/multipart prom-client",
		() => import("../server/server.js"),
	);
	if (flags.batch < 1)
		throw new OptionError("batch", `${flags.batch} is below 1`);
	const shelf = await openShelf(flags, signal, flags.batch > 1);
	const say = sayer(flags);
	const workers = flags.queue
		? await openWorkers(flags.queue, shelf, limits)
		: undefined;
	const { drawLocally } = await import("../server/drawLocally.js");
	const { app, queue, answered } = await createServer({
		shelf,
		runner: workers?.runner ?? drawLocally(shelf),
		lanes: workers ? Number.POSITIVE_INFINITY : flags.batch,
		elsewhere: workers?.elsewhere,
		ready: workers?.ready,
		limits,
		keys,
		hosts: [
			...(flags.allowHost ?? []),
			...(/^(0\.0\.0\.0|::)$/.test(flags.host) ? [] : [flags.host]),
		],
		log: say,
		logPrompts: flags.logPrompts,
	});
	await Promise.all(((await workers?.known()) ?? []).map(queue.resume));
	try {
		const url = await app
			.listen({ host: flags.host, port: flags.port })
			.catch((cause: NodeJS.ErrnoException) => {
				if (/^(EADDRNOTAVAIL|ENOTFOUND|EAI_AGAIN)$/.test(cause.code ?? ""))
					throw new OptionError(
						"host",
						`${flags.host} is no address of this machine`,
						{ cause },
					);
				throw new UserError(
					`--port ${flags.port}: ${cause.code === "EADDRINUSE" ? "another program listens there" : (cause.code ?? cause.message)}`,
					{ code: "usage", cause },
				);
			});
		say({
			event: "listening",
			url,
			models: shelf.models.map(({ name }) => name),
			workers: await workers?.workers(),
		});
		if (!signal.aborted)
			await new Promise((resolve) => signal.addEventListener("abort", resolve));
		say({ event: "draining" });
		await queue.drain(flags.drainSeconds);
		await answered();
	} finally {
		await app.close();
		await workers?.close();
		await shelf.release();
	}
	say({ event: "ended" });
}

async function openWorkers(
	url: string,
	shelf: ModelShelf,
	limits: ServerLimits,
): Promise<WorkerQueue> {
	const { openWorkerQueue } = await import(
		"../server/workers/drawByWorkers.js"
	);
	return openWorkerQueue(url, shelf, limits);
}

function limitsOf(flags: ServeFlags): ServerLimits {
	const limits: { -readonly [Key in keyof ServerLimits]: number } = {
		...DEFAULT_LIMITS,
	};
	for (const [flag, [limit]] of Object.entries(LIMIT_FLAGS)) {
		const value = flags[flag as keyof typeof LIMIT_FLAGS];
		if (value < 1) throw new OptionError(flag, `${value} is below 1`);
		if (value > MOST_SECONDS && /Seconds$/.test(flag))
			throw new OptionError(flag, `${value} is over ${MOST_SECONDS}`);
		limits[limit] = value;
	}
	return limits;
}

/** The models that the flags name, opened. */
export async function openShelf(
	{
		model: words = [EMBEDDED_MODEL],
		memoryBudget = usualBudget(),
		...flags
	}: ShelfFlags,
	signal: AbortSignal,
	shareCalls = false,
): Promise<ModelShelf> {
	const models = [];
	for (const word of words) {
		const [, name = nameOf(word), model] =
			/^(?:([\w.-]{1,60})=)?(.+)$/.exec(word) ?? [];
		models.push({
			name,
			pipeline: await openPipeline({ ...flags, model }, signal, {
				keepResident: true,
				shareCalls,
			}),
		});
	}
	return modelShelf(models, memoryBudget);
}

/** Six tenths of the machine's memory, or of what this process may have of it. */
function usualBudget(): number {
	const allowed = process.constrainedMemory() || Number.POSITIVE_INFINITY;
	return 0.6 * Math.min(totalmem(), allowed);
}

/** A folder's, a file's or a Hub id's last part. */
const nameOf = (model: string) =>
	basename(model.replace(/@[^/@]*$/, "")).replace(/\.safetensors$/, "");

/** A text on one line, without what terminals would obey. */
const quoted = (text: unknown) =>
	JSON.stringify(text).replace(/[\u007f-\u009f\u2028\u2029]/g, "?");

/** Says what happens: a JSON object a line on stdout, or words on stderr. */
function sayer({ json, quiet }: Pick<ServeFlags, "json" | "quiet">) {
	return (entry: Readonly<Record<string, unknown>>): void => {
		if (json) {
			process.stdout.write(
				`${JSON.stringify({ time: new Date().toISOString(), ...entry })}\n`,
			);
			return;
		}
		if (quiet) return;
		const { event, ...rest } = entry;
		const words = Object.entries(rest)
			.filter(([, value]) => value !== undefined)
			// prompts are the words of others: no line of theirs stands for one of ours
			.map(([key, value]) =>
				/prompt/i.test(key) ? `${key} ${quoted(value)}` : `${key} ${value}`,
			);
		process.stderr.write(
			`${[event, words.join(", ")].filter(Boolean).join(": ")}\n`,
		);
	};
}
