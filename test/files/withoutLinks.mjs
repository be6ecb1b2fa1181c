// Loaded before a program: a file system without links, which answers with the code in REFUSED_LINKS.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

for (const syscall of ["link", "symlink"])
	fs.promises[syscall] = async () => {
		const code = process.env.REFUSED_LINKS;
		throw Object.assign(new Error(`${code}: not supported, ${syscall}`), {
			code,
			syscall,
		});
	};
syncBuiltinESMExports();
