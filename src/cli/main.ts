#!/usr/bin/env node
import { writeSync } from "node:fs";
import { cannotWrite } from "../files/fileFault.js";
import { failure } from "./failure.js";
import { runProgram } from "./program.js";

// a reader that has enough (`fdiff … --json | head -1`) ends the program, as in other tools; 128 + SIGPIPE
for (const stream of [process.stdout, process.stderr])
	stream.on("error", (error: NodeJS.ErrnoException) => {
		if (error.code === "EPIPE") process.exit(141);
		if (stream === process.stdout)
			writeSync(2, `${failure(cannotWrite("stdout", error)).line}\n`);
		process.exit(1);
	});

await runProgram(process.argv.slice(2));
