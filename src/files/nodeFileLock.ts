import { randomBytes } from "node:crypto";
import {
	mkdir,
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

/** A lock that was not touched for this long belongs to nobody any more. */
const staleAfter = 30_000;
const touchEvery = 5_000;
const lookEvery = 200;

/**
 * Does `work` while holding the lock file at `path`, waiting for another process that holds it. A lock whose process is gone,
 * or that was not touched for 30 s, is taken over.
 * @throws whatever `work` throws; the signal's reason when it is aborted while waiting.
 */
export async function withFileLock<T>(
	path: string,
	work: () => Promise<T>,
	signal?: AbortSignal,
): Promise<T> {
	await mkdir(dirname(path), { recursive: true });
	const mine = JSON.stringify({
		pid: process.pid,
		host: hostname(),
		id: randomBytes(8).toString("hex"),
	});
	while (!(await take(path, mine))) {
		if (await isStale(path)) await remove(path);
		else
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
		// It may have been taken over while this process slept.
		if ((await readFile(path, "utf8").catch(() => "")) === mine)
			await rm(path, { force: true });
	}
}

async function take(path: string, content: string): Promise<boolean> {
	try {
		await writeFile(path, content, { flag: "wx" });
		return true;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
		throw error;
	}
}

async function isStale(path: string): Promise<boolean> {
	const status = await stat(path).catch(() => undefined);
	if (!status) return false;
	if (Date.now() - status.mtimeMs > staleAfter) return true;
	const text = await readFile(path, "utf8").catch(() => "");
	const owner = /"pid":(\d+),"host":"([^"]*)"/.exec(text);
	return owner?.[2] === hostname() && !isAlive(Number(owner[1]));
}

function isAlive(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch (error) {
		return (error as NodeJS.ErrnoException).code === "EPERM";
	}
}

/** Renamed first: of two processes that find the same stale lock, one succeeds. */
async function remove(path: string): Promise<void> {
	const aside = `${path}.${randomBytes(6).toString("hex")}`;
	try {
		await rename(path, aside);
		await rm(aside, { force: true });
	} catch {
		// Another process was faster.
	}
}
