import { randomBytes } from "node:crypto";
import {
	readFile,
	rename,
	rm,
	stat,
	utimes,
	writeFile,
} from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isAlive } from "./nodeIsAlive.js";
import { makeFolder } from "./nodeMakeFolder.js";

/** A lock of another machine that was not touched for this long belongs to nobody any more. */
const staleAfter = 300_000;
/** A lock is written in milliseconds: one that says nothing for this long was left by a process that ended in between. */
const writtenWithin = 10_000;
const touchEvery = 5_000;
const lookEvery = 200;
/** A takeover takes a few milliseconds. */
const takeoverFor = 10_000;

/** What a lock file says of the process that holds it. */
interface Owner {
	readonly pid: number;
	readonly host: string;
	/** When the process started, by the system: its number may have gone to another process since. */
	readonly started?: string;
	readonly id: string;
}

/**
 * Does `work` while holding the lock file at `path`, waiting for another process that holds it. Whether that process lives
 * decides on the same machine, however long it was busy; a lock of another machine is taken over when it was not touched for
 * five minutes.
 * @throws whatever `work` throws; the signal's reason when it is aborted while waiting.
 */
export async function withFileLock<T>(
	path: string,
	work: () => Promise<T>,
	signal?: AbortSignal,
): Promise<T> {
	await makeFolder(dirname(path));
	const started = await startOf(process.pid);
	const mine = JSON.stringify({
		pid: process.pid,
		host: hostname(),
		...(started && { started }),
		id: randomBytes(8).toString("hex"),
	} satisfies Owner);
	while (!(await create(path, mine)) && !(await takeOver(path, mine))) {
		await delay(lookEvery, undefined, signal ? { signal } : {}).catch(
			() => undefined,
		);
		signal?.throwIfAborted();
	}
	const touching = setInterval(() => {
		const now = new Date();
		utimes(path, now, now).catch(() => undefined);
	}, touchEvery);
	touching.unref();
	try {
		return await work();
	} finally {
		clearInterval(touching);
		// Another machine may have taken it over while this one slept.
		if ((await textOf(path)) === mine) await rm(path, { force: true });
	}
}

async function create(path: string, content: string): Promise<boolean> {
	try {
		await writeFile(path, content, { flag: "wx" });
		return true;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
		throw error;
	}
}

/**
 * Puts `mine` in the place of a lock that belongs to nobody. One process at a time may do so, under a lock file beside it, so
 * that what was found stale is still there when it is replaced.
 */
async function takeOver(path: string, mine: string): Promise<boolean> {
	if (!(await isStale(path))) return false;
	const turn = `${path}.takeover`;
	if (!(await create(turn, mine))) {
		if ((await ageOf(turn)) > takeoverFor) await rm(turn, { force: true });
		return false;
	}
	// always the same: what a process left that ended right here is written over by the next
	const next = `${path}.next`;
	try {
		if (!(await isStale(path))) return false;
		await writeFile(next, mine);
		// where a turn took too long, another process may have moved it, or put its own there
		await rename(next, path).catch(unlessMissing);
		return (await textOf(path)) === mine;
	} finally {
		await rm(next, { force: true });
		await rm(turn, { force: true });
	}
}

function unlessMissing(error: NodeJS.ErrnoException): void {
	if (error.code !== "ENOENT") throw error;
}

async function isStale(path: string): Promise<boolean> {
	const age = await ageOf(path);
	if (age < 0) return false;
	const owner = ownerOf(await textOf(path));
	if (!owner) return age > writtenWithin;
	if (owner.host !== hostname()) return age > staleAfter;
	if (!isAlive(owner.pid)) return true;
	const started = await startOf(owner.pid);
	return Boolean(started && owner.started && started !== owner.started);
}

/** Milliseconds since a file was touched; -1 when there is none. */
async function ageOf(path: string): Promise<number> {
	const status = await stat(path).catch(() => undefined);
	return status ? Math.max(0, Date.now() - status.mtimeMs) : -1;
}

function textOf(path: string): Promise<string> {
	return readFile(path, "utf8").catch(() => "");
}

function ownerOf(text: string): Owner | undefined {
	try {
		const owner = JSON.parse(text) as Owner;
		return Number.isInteger(owner.pid) && owner.pid > 0 ? owner : undefined;
	} catch {
		return undefined;
	}
}

/** The boot and the tick at which a process started, where /proc tells. */
async function startOf(pid: number): Promise<string | undefined> {
	if (process.platform !== "linux") return undefined;
	const boot = await textOf("/proc/sys/kernel/random/boot_id");
	// The program's name, in parentheses, may hold spaces; the start is the 20th field after it.
	const fields = (await textOf(`/proc/${pid}/stat`)).split(") ").at(-1);
	const tick = fields?.split(" ")[19];
	return boot && tick ? `${boot.trim()} ${tick}` : undefined;
}
