// The evaluation commands as a program of their own: node fdiff.mjs COMPILED_FOLDER evaluate …
import { pathToFileURL } from "node:url";

const [folder, ...words] = process.argv.slice(2);
const load = (name) => import(`${pathToFileURL(folder)}/cli/${name}.js`);
const { Command } = await import("commander");
const program = new Command("fdiff");
const name = words[0];
if (name === "evaluate") (await load("evaluate")).addEvaluateCommand(program);
else if (name === "merge") (await load("merge")).addMergeCommand(program);
else (await load("worker")).addWorkerCommand(program);
const { failure } = await load("failure");
try {
	await program.parseAsync(words, { from: "user" });
} catch (error) {
	const { line, exitCode } = failure(error);
	process.stderr.write(`${line}\n`);
	process.exitCode = exitCode;
}
