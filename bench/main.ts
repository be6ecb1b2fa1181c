import { adapters } from "./adapters.js";
import { commandLine } from "./commandLine.js";
import { engines } from "./engines.js";
import { machine } from "./measure.js";
import { unetBesideTorch } from "./unetBesideTorch.js";
import { unetHalves } from "./unetHalves.js";
import { wholeImages } from "./wholeImages.js";

const benchmarks: Readonly<Record<string, () => Promise<void>>> = {
	engines,
	"unet-beside-torch": unetBesideTorch,
	"unet-halves": unetHalves,
	adapters,
	"whole-images": wholeImages,
	"command-line": commandLine,
};

const asked = process.argv.slice(2);
const unknown = asked.find((name) => !(name in benchmarks));
if (unknown) {
	process.stderr.write(
		`"${unknown}" is no benchmark: choose of ${Object.keys(benchmarks).join(", ")}\n`,
	);
	process.exitCode = 2;
} else {
	process.stdout.write(`${machine()}\n`);
	for (const name of asked.length ? asked : Object.keys(benchmarks))
		await benchmarks[name]();
}
