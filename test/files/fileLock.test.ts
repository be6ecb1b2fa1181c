import { spawn, spawnSync } from "node:child_process";
import {
	existsSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	utimesSync,
	writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { withFileLock } from "../../src/files/nodeFileLock.js";

let folder: string;
let path: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "lock-"));
	path = join(folder, "x.lock");
});

/** A lock file of a process, untouched for so long. */
function held(owner: object, seconds = 0) {
	writeFileSync(
		path,
		JSON.stringify({ host: hostname(), id: "other", ...owner }),
	);
	const past = new Date(Date.now() - seconds * 1000);
	utimesSync(path, past, past);
}
const gone = () => spawnSync(process.execPath, ["-e", ""]).pid;
const taken = () => withFileLock(path, async () => "done");
const waits = async () => {
	await expect(
		withFileLock(path, async () => "never", AbortSignal.timeout(500)),
	).rejects.toMatchObject({ name: "TimeoutError" });
	expect(existsSync(path)).toBe(true);
};

test("is waited for, and the signal ends the wait", async () => {
	held({ pid: process.pid });
	await waits();
});

test("of a process that is gone is taken over", async () => {
	held({ pid: gone() });
	expect(await taken()).toBe("done");
	expect(readdirSync(folder)).toEqual([]);
});

test("of a living process of this machine is never taken, however long it was busy", async () => {
	held({ pid: process.ppid }, 3600);
	await waits();
});

test.runIf(process.platform === "linux")(
	"of a process whose number another one has now is taken over",
	async () => {
		held({ pid: process.ppid, started: "another-boot 17" });
		expect(await taken()).toBe("done");
	},
);

test("of another machine is taken over when it was not touched for five minutes", async () => {
	held({ pid: gone(), host: "elsewhere" }, 240);
	await waits();
	held({ pid: gone(), host: "elsewhere" }, 310);
	expect(await taken()).toBe("done");
});

test("left empty by a process that was killed before it wrote its name is taken over after ten seconds", async () => {
	writeFileSync(path, "");
	await waits();
	const past = new Date(Date.now() - 11_000);
	utimesSync(path, past, past);
	expect(await taken()).toBe("done");
	expect(readdirSync(folder)).toEqual([]);
});

test("what a process left that was killed while it took a lock over goes with the next takeover", async () => {
	held({ pid: gone() });
	writeFileSync(`${path}.next`, "");
	expect(await taken()).toBe("done");
	expect(readdirSync(folder)).toEqual([]);
});

test("a blocked event loop does not lose it", async () => {
	const modules = new URL("../../dist/files/nodeFileLock.js", import.meta.url);
	const child = spawn(process.execPath, [
		"--input-type=module",
		"-e",
		`import { withFileLock } from ${JSON.stringify(modules.href)};
		await withFileLock(process.argv[1], async () => {
			console.log("held");
			Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500);
			console.log("over");
		});`,
		path,
	]);
	let said = "";
	await new Promise<void>((resolve) => {
		child.stdout.on("data", (text) => {
			said += text;
			if (said.includes("held")) resolve();
		});
	});
	// As if it had been blocked for an hour.
	const past = new Date(Date.now() - 3_600_000);
	utimesSync(path, past, past);
	await withFileLock(path, async () => {
		expect(said).toContain("over");
	});
});

test("of those that find one stale, one at a time gets it", async () => {
	held({ pid: gone() });
	let inside = 0;
	let most = 0;
	await Promise.all(
		Array.from({ length: 12 }, () =>
			withFileLock(path, async () => {
				most = Math.max(most, ++inside);
				await new Promise((resolve) => setTimeout(resolve, 20));
				inside--;
			}),
		),
	);
	expect(most).toBe(1);
	expect(readdirSync(folder)).toEqual([]);
});

test("says whose it is, and is given back when the work fails", async () => {
	await expect(
		withFileLock(path, async () => {
			expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({
				pid: process.pid,
				host: hostname(),
			});
			throw new Error("no");
		}),
	).rejects.toThrow("no");
	expect(readdirSync(folder)).toEqual([]);
});
