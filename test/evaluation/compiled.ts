import { spawnSync } from "node:child_process";
import {
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..", "..");
/** Beside src/, so that what the program finds by its own place is where it is in dist/. */
const folder = join(root, "evaluation-test.tmp");

/**
 * Compiles the program for tests that run it in processes of its own, unless that is done; the folder with the JavaScript.
 * Test files that ask at once wait for each other.
 */
export function compiled(): string {
	const lock = `${folder.slice(0, -4)}-lock.tmp`;
	const until = Date.now() + 90_000;
	for (;;)
		try {
			mkdirSync(lock);
			break;
		} catch {
			if (Date.now() > until)
				throw new Error(`${lock} is left over: delete it`);
			Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
		}
	try {
		const marker = join(folder, "sources");
		const sources = newest(join(root, "src"));
		if (readOr(marker) !== sources) {
			const { status, stdout } = spawnSync(
				process.execPath,
				[
					join(root, "node_modules", "typescript", "bin", "tsc"),
					...["-p", join(root, "tsconfig.build.json"), "--outDir", folder],
					...["--declaration", "false"],
				],
				{ encoding: "utf8" },
			);
			if (status !== 0) throw new Error(`tsc failed: ${stdout}`);
			writeFileSync(marker, sources);
		}
	} finally {
		rmSync(lock, { recursive: true, force: true });
	}
	return folder;
}

/** Tells states of a folder apart: how many files it has, and when the newest was written. */
function newest(path: string): string {
	const times = readdirSync(path, { recursive: true, encoding: "utf8" }).map(
		(name) => statSync(join(path, name)).mtimeMs,
	);
	return `${times.length} ${Math.max(...times)}`;
}

function readOr(path: string): string | undefined {
	try {
		return readFileSync(path, "utf8");
	} catch {
		return undefined;
	}
}
