import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import type { Report, ThreadMessage, ThreadWork } from "./report.js";

/*
 * node dist-fuzz/main.js --minutes N [--inputs N] [--seed S] [--target NAME]… [--from N] [--turn MS] [--seconds N] [--log FILE]
 *
 * Tries inputs until the time is over; the last line is a Report in JSON. The inputs run in a thread, so that one that never
 * ends is seen here. An input is made of the seed, the target's name and its number alone; the log has the last one, for where the process itself dies.
 */

/** The clock's seconds after which an input hangs that only waits. */
const MOST_WAITING = 120;
const MOST_MEMORY = 1e9;
/** Milliseconds that an input has to come to its end after it was found to be a fault. */
const MOST_ENDING = 2_000;
const LOOK_EVERY = 100;

const { values } = parseArgs({
	options: {
		minutes: { type: "string", default: "1" },
		inputs: { type: "string", default: "Infinity" },
		seed: { type: "string", default: "1" },
		target: { type: "string", multiple: true, default: [] },
		from: { type: "string", default: "0" },
		// milliseconds that a target has before the next one has its turn
		turn: { type: "string", default: "250" },
		// of the processor, after which an input hangs
		seconds: { type: "string", default: "5" },
		log: { type: "string" },
	},
});
const seed = Number(values.seed);
const end = 60_000 * Number(values.minutes);
const most = Number(values.inputs);
const mostSeconds = Number(values.seconds);

const tried: Record<string, number> = {};
const next: Record<string, number> = Object.fromEntries(
	values.target.map((name) => [name, Number(values.from)]),
);
const faults = new Map<string, Report["faults"][number]>();
let refused = 0;
let peakMemory = 0;
let slowest = 0;
let said = 0;
/** Milliseconds that this process ran: while it was stopped as a whole, nothing hangs and no minute goes by. */
let ran = 0;

const folder = mkdtempSync(join(tmpdir(), "fdiff-fuzz-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const logPath = values.log ?? join(folder, "at");
const log = openSync(logPath, "w");
const total = () => Object.values(tried).reduce((sum, count) => sum + count, 0);

function fault(target: string, input: number, what: string, value = ""): void {
	// the same words of other inputs are the same fault
	const key = `${target} ${what.replace(/".*" at/, "at").replace(/\d+/g, "0")}`;
	const known = faults.get(key);
	if (!known)
		process.stderr.write(`FAULT ${target} ${input}: ${what}\n  ${value}\n`);
	faults.set(key, {
		...(known ?? { target, input, what, value }),
		times: (known?.times ?? 0) + 1,
	});
}

while (ran < end && total() < most) {
	const finished = await threadEnds();
	if (finished) break;
}
const report: Report = {
	seed,
	tried,
	refused,
	faults: [...faults.values()],
	peakMemory,
	slowest,
};
process.stdout.write(`${JSON.stringify(report)}\n`);
process.exit(faults.size > 0 ? 1 : 0);

/** Starts a thread and looks at it until time or inputs are over (true), or an input broke it (false). */
function threadEnds(): Promise<boolean> {
	const place = new SharedArrayBuffer(12);
	const at = new Int32Array(place);
	const work: ThreadWork = {
		...{ seed, only: values.target, next, place, log },
		turn: Number(values.turn),
	};
	const thread = new Worker(join(import.meta.dirname, "thread.js"), {
		workerData: work,
		resourceLimits: { maxOldGenerationSizeMb: 640 },
	});
	let names: readonly string[] = [];
	let begun = "";
	let broken = false;
	let ended = false;
	/** Of the last turn. */
	let heap = 0;
	let external = 0;
	let since = { processor: 0, clock: 0 };
	return new Promise((resolve) => {
		const broke = (what: string) => {
			const [name, input] = readFileSync(logPath, "utf8").trim().split(" ");
			fault(name, Number(input), what);
			clearInterval(look);
			broken = true;
			// whoever ends a thread during an engine's call ends the process: the input may come to its end, unless it has none
			Atomics.store(at, 2, 1);
			const begun = performance.now();
			const wait = setInterval(() => {
				const endless =
					performance.now() - begun > MOST_ENDING ||
					process.memoryUsage().rss > 2 * MOST_MEMORY;
				if (!ended && !endless) return;
				clearInterval(wait);
				if (!ended) {
					next[name] = Number(input) + 1;
					tried[name] = (tried[name] ?? 0) + 1;
				}
				void thread.terminate().then(() => resolve(false));
			}, 10);
		};
		let looked = performance.now();
		const look = setInterval(() => {
			const passed = performance.now() - looked;
			ran += Math.min(passed, 10 * LOOK_EVERY);
			looked += passed;
			// an engine's call cannot be broken off: the thread stops behind its input, and not before every target has had a turn
			const turned = names.length > 0 && names.every((name) => name in tried);
			if ((ran > end && turned) || total() >= most) Atomics.store(at, 2, 1);
			if (ran > said + 60_000) {
				said = ran;
				const bytes = [process.memoryUsage().rss, heap, external];
				const [all, own, held] = bytes.map((n) => Math.round(n / 2 ** 20));
				process.stderr.write(
					`${total()} inputs, ${refused} refused, ${all} MiB (heap ${own}, external ${held})\n`,
				);
			}
			const memory = process.memoryUsage().rss;
			peakMemory = Math.max(peakMemory, memory);
			const [position, input] = [Atomics.load(at, 0), Atomics.load(at, 1)];
			const { user, system } = process.cpuUsage();
			const now = { processor: (user + system) / 1e6, clock: ran / 1e3 };
			const running = position === 0 ? "" : `${position} ${input}`;
			if (running !== begun || running === "") {
				begun = running;
				since = now;
				return;
			}
			const seconds = now.processor - since.processor;
			slowest = Math.max(slowest, seconds);
			if (memory > MOST_MEMORY) broke(`${memory} bytes of memory`);
			else if (seconds > mostSeconds) broke("never ends");
			else if (now.clock - since.clock > MOST_WAITING) broke("waits for ever");
		}, LOOK_EVERY);
		thread.on("message", (message: ThreadMessage) => {
			if (message.kind === "targets") {
				names = message.names;
				if (names.length === 0)
					throw new Error(`no target is called ${values.target.join(", ")}`);
			} else if (message.kind === "broken") {
				process.stderr.write(`${message.what}\n`);
				process.exit(3);
			} else if (message.kind === "turn") {
				tried[message.target] = (tried[message.target] ?? 0) + message.tried;
				next[message.target] = message.next;
				refused += message.refused;
				({ heap, external } = message);
			} else if (message.kind === "stopped") {
				ended = true;
				if (broken) return;
				clearInterval(look);
				resolve(true);
			} else fault(message.target, message.input, message.what, message.value);
		});
		thread.on("error", (error) => {
			// no input was under way: the fuzzer itself is wrong
			if (Atomics.load(at, 0) === 0) throw error;
			broke(`ends the thread: ${error.message}`);
		});
	});
}
