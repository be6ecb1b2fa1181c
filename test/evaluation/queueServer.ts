import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { Redis } from "ioredis";

/** A real server is needed: Debian's valkey-server or redis-server, which CI installs. */
const binary = ["valkey-server", "redis-server"].find(
	(name) => spawnSync(name, ["--version"]).status === 0,
);
if (!binary) {
	const words = "neither valkey-server nor redis-server is installed";
	if (process.env.CI) throw new Error(words);
	console.warn(`tests of the queue are skipped: ${words}`);
}
export const hasQueueServer = binary !== undefined;

/** Starts a server on a free port that keeps nothing. */
export async function queueServer(
	folder: string,
): Promise<{ child: ChildProcess; url: string }> {
	const port = await freePort();
	const child = spawn(
		binary ?? "",
		[
			...["--port", String(port), "--bind", "127.0.0.1"],
			...["--dir", folder, "--save", "", "--appendonly", "no"],
		],
		{ stdio: "ignore" },
	);
	const url = `redis://127.0.0.1:${port}`;
	const client = new Redis(url);
	client.on("error", () => {});
	await client.ping();
	client.disconnect();
	return { child, url };
}

export function freePort(): Promise<number> {
	return new Promise((resolve, reject) => {
		const server = createServer();
		server.on("error", reject);
		server.listen(0, "127.0.0.1", () => {
			const address = server.address();
			server.close(() =>
				resolve(typeof address === "object" && address ? address.port : 0),
			);
		});
	});
}
