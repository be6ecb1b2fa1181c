// Runs command lines of the built program one after the other in this process: a line of stdin is one, as JSON. What a run writes goes
// where it always goes; behind it both streams get an end mark.
import { createInterface } from "node:readline";
import { runProgram } from "../../dist/cli/program.js";

// every run listens for signals for as long as its process is there
process.setMaxListeners(0);
const usual = { ...process.env };

for await (const line of createInterface({ input: process.stdin })) {
	const { words, cwd, environment } = JSON.parse(line);
	process.chdir(cwd);
	for (const name of Object.keys(process.env))
		if (!(name in usual)) delete process.env[name];
	Object.assign(process.env, usual, environment);
	process.exitCode = undefined;
	await runProgram(words);
	const code = process.exitCode ?? 0;
	process.exitCode = undefined;
	for (const stream of [process.stdout, process.stderr])
		stream.write(`\0${code}\n`);
}
