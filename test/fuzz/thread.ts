import { writeSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { UserError } from "../../src/errors/userError.js";
import { configTargets } from "./configTargets.js";
import { drawTargets } from "./drawTargets.js";
import { faultyTarget } from "./faultyTarget.js";
import { modelTargets } from "./modelTargets.js";
import { partTargets } from "./partTargets.js";
import { pictureTargets } from "./pictureTargets.js";
import { randomOf } from "./random.js";
import { recordTargets } from "./recordTargets.js";
import type { ThreadMessage, ThreadWork } from "./report.js";
import { serverTargets } from "./serverTargets.js";
import { weightTargets } from "./weightTargets.js";
import { wordTargets } from "./wordTargets.js";

const targets = [
	...[...weightTargets, ...modelTargets, ...configTargets],
	...pictureTargets,
	...[...recordTargets, ...wordTargets, ...drawTargets],
	...[...partTargets, ...serverTargets],
];
const { seed, only, next, place, log, turn } = workerData as ThreadWork;
const at = new Int32Array(place);
const tell = (message: ThreadMessage) => parentPort?.postMessage(message);

const chosen =
	only.length === 0
		? targets
		: [...targets, faultyTarget].filter(({ name }) => only.includes(name));
tell({ kind: "targets", names: chosen.map(({ name }) => name) });
/** What is run now, or was run last. */
let current = { target: "", input: 0, value: "" };
for (const event of ["unhandledRejection", "uncaughtException"] as const)
	process.on(event, (error: unknown) =>
		tell({ kind: "fault", ...current, what: `${event}: ${describe(error)}` }),
	);

async function fuzz(): Promise<void> {
	const prepared = new Map<
		string,
		Awaited<ReturnType<(typeof targets)[0]["prepare"]>>
	>();
	const counts: Record<string, number> = { ...next };
	const stopped = () => Atomics.load(at, 2) === 1;
	while (!stopped())
		for (const [position, { name, prepare }] of chosen.entries()) {
			const { make, run } = prepared.get(name) ?? (await prepare());
			prepared.set(name, { make, run });
			let refused = 0;
			const first = counts[name] ?? 0;
			let input = first;
			for (
				const until = performance.now() + turn;
				performance.now() < until && !stopped();
				input++
			) {
				// where the process dies, this is what is left of it
				writeSync(log, `${name} ${input}`.padEnd(60), 0);
				const random = randomOf(seed, name, input);
				const value = make(random);
				current = { target: name, input, value: "" };
				Atomics.store(at, 1, input);
				Atomics.store(at, 0, position + 1);
				try {
					await run(value);
				} catch (error) {
					if (error instanceof UserError && isOneLine(error.message)) refused++;
					else
						tell({
							kind: "fault",
							target: name,
							input,
							what: describe(error),
							value: show(value),
						});
				}
				Atomics.store(at, 0, 0);
			}
			counts[name] = input;
			const { heapUsed: heap, external } = process.memoryUsage();
			tell({
				kind: "turn",
				target: name,
				tried: input - first,
				refused,
				next: input,
				...{ heap, external },
			});
			// messages go out, garbage is collected
			await new Promise((resolve) => setImmediate(resolve));
			if (stopped()) break;
		}
	tell({ kind: "stopped" });
}

/** An error that a user sees is one line of a length that he reads. */
function isOneLine(message: string): boolean {
	return message.length <= 1500 && !/[\n\r\0]/.test(message);
}

function describe(error: unknown): string {
	if (!(error instanceof Error)) return `thrown: ${typeof error}`;
	const frame = error.stack
		?.split("\n")
		.find((line) => /^\s+at .*dist\//.test(line))
		?.replace(/^.*dist\/|\)$/g, "");
	const line = JSON.stringify(error.message.slice(0, 200));
	return `${error instanceof UserError ? `${error.name}, not one line` : error.name}: ${line} at ${frame ?? "?"}`;
}

function show(value: unknown): string {
	try {
		const text = JSON.stringify(value, (_, part: unknown) =>
			part instanceof Uint8Array
				? `${part.length} bytes ${Buffer.from(part.subarray(0, 300)).toString("hex")}`
				: typeof part === "bigint" || typeof part === "function"
					? String(part)
					: part,
		);
		return text.length > 600 ? `${text.slice(0, 600)}… (${text.length})` : text;
	} catch {
		return "(cannot be shown)";
	}
}

// the fuzzer's own faults end it
if (chosen.length > 0)
	fuzz().catch((error: unknown) =>
		tell({
			kind: "broken",
			what: `${current.target} ${current.input}, then ${error instanceof Error ? error.stack : String(error)}`,
		}),
	);
