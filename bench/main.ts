import { adapters } from "./adapters.js";
import { browser } from "./browser.js";
import { commandLine } from "./commandLine.js";
import { decoders } from "./decoders.js";
import { engineImages } from "./engineImages.js";
import {
	enginesPeers,
	enginesReleases,
	enginesThreads,
	enginesUnetBfloat16,
	enginesUnetFloat32,
	enginesVaeAndText,
} from "./engines.js";
import { eventLoop } from "./eventLoop.js";
import { machine } from "./measure.js";
import { server } from "./server.js";
import { unetHalves } from "./unetHalves.js";
import { wholeImages } from "./wholeImages.js";

const benchmarks: Readonly<Record<string, () => Promise<void>>> = {
	"engines-unet-bfloat16": enginesUnetBfloat16,
	"engines-unet-float32": enginesUnetFloat32,
	"engines-vae-text": enginesVaeAndText,
	"engines-peers": enginesPeers,
	"engines-images": engineImages,
	"engines-threads": enginesThreads,
	"engines-releases": enginesReleases,
	"unet-halves": unetHalves,
	adapters,
	decoders,
	"whole-images": wholeImages,
	"command-line": commandLine,
	server,
	"event-loop": eventLoop,
	browser,
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
