import { execFile, spawn } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const dist = join(import.meta.dirname, "../../../dist");

/** A program with `products(size)`: one native call that takes long where size is large. */
const program = (body: string) => `
const { runtimeInnerProducts } = await import(${JSON.stringify(join(dist, "metrics/nodeInnerProducts.js"))});
const { innerProducts, release } = await runtimeInnerProducts({ threads: 1 });
const features = (size) => ({ count: size, width: size, data: new Float32Array(size * size).fill(1) });
const products = (size) => innerProducts(features(size), features(size));
await products(2);
${body}`;

const run = (body: string) =>
	promisify(execFile)(process.execPath, [
		"--input-type=module",
		"--eval",
		program(body),
	]);

test("the event loop goes on during a native call", async () => {
	const { stdout } = await run(`
		const started = performance.now();
		let ticks = 0;
		const timer = setInterval(() => ticks++, 10);
		await products(3000);
		clearInterval(timer);
		console.log(ticks / ((performance.now() - started) / 10));`);
	expect(Number(stdout)).toBeGreaterThan(0.3);
});

test("an idle thread does not keep the process alive, though sessions are open", async () => {
	const { stdout } = await run("console.log('done');");
	expect(stdout).toBe("done\n");
});

test("process.exit during a native call keeps its code, and nothing is said", async () => {
	const ended = run(`
		void products(3000);
		setTimeout(() => process.exit(7), 50);`);
	await expect(ended).rejects.toMatchObject({ code: 7, stderr: "" });
});

test("a second Ctrl-C ends the program at once, in the middle of a native call", async () => {
	const child = spawn(
		process.execPath,
		[
			"--input-type=module",
			"--eval",
			program(`
			const { interruptSignal } = await import(${JSON.stringify(join(dist, "cli/interrupt.js"))});
			interruptSignal();
			const large = products(6000);
			setTimeout(() => console.log("running"), 100);
			await large;`),
		],
		{ stdio: ["ignore", "pipe", "inherit"] },
	);
	const ended = new Promise<[number | null, NodeJS.Signals | null]>((resolve) =>
		child.on("exit", (code, signal) => resolve([code, signal])),
	);
	await new Promise((resolve) => child.stdout.once("data", resolve));
	child.kill("SIGINT");
	await new Promise((resolve) => setTimeout(resolve, 200));
	expect(child.exitCode).toBeNull();
	const asked = performance.now();
	child.kill("SIGINT");
	expect(await ended).toEqual([null, "SIGINT"]);
	expect(performance.now() - asked).toBeLessThan(5000);
});

test("two networks asked at once answer as they do one after the other", async () => {
	const { stdout } = await run(`
		const both = await Promise.all([products(3), products(5)]);
		await release();
		console.log(JSON.stringify(both.map((values) => [values.length, values[0]])));`);
	expect(JSON.parse(stdout)).toEqual([
		[9, 3],
		[25, 5],
	]);
});
